/* The likeliest tokens behind a prompt: what each of these programs computes with llama.cpp's C API. */
#pragma once

#include <string.h>

#include "llama.h"

/* Writes up to n tokens and returns how many, or -1 if llama.cpp can't. */
static int greedy(struct llama_model *model, const char *prompt, llama_token *tokens, int n) {
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    llama_token input[256], token;
    int n_input = llama_tokenize(vocab, prompt, (int)strlen(prompt), input, 256, true, false), n_found = -1;
    struct llama_context_params params = llama_context_default_params();
    struct llama_context *ctx;
    struct llama_sampler *sampler;

    params.n_ctx = 256;
    params.n_threads = params.n_threads_batch = 2;
    if (n_input < 1 || !(ctx = llama_init_from_model(model, params))) return -1;
    sampler = llama_sampler_init_greedy();
    if (llama_decode(ctx, llama_batch_get_one(input, n_input)) == 0) {
        for (n_found = 0; n_found < n;) {
            token = llama_sampler_sample(sampler, ctx, -1);
            if (llama_vocab_is_eog(vocab, token)) break;
            tokens[n_found++] = token;
            if (n_found < n && llama_decode(ctx, llama_batch_get_one(&token, 1)) != 0) break;
        }
    }
    llama_sampler_free(sampler);
    llama_free(ctx);
    return n_found;
}
