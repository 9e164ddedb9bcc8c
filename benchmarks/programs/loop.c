/* The token loop in C: sample, look whether the text ends, take the token's piece, decode.
 *
 * loop MODEL N_TOKENS N_THREADS ROUNDS: one line a round, the seconds that the tokens took. */
#include <stdio.h>
#include <stdlib.h>

#include "ggml-backend.h"
#include "llama.h"

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    const int n_tokens = atoi(argv[2]), n_threads = atoi(argv[3]), rounds = atoi(argv[4]);
    char text[256];
    llama_log_set(NULL, NULL);
    ggml_backend_load_all();
    struct llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = n_tokens + 1;
    params.n_threads = params.n_threads_batch = n_threads;
    struct llama_context *ctx = llama_init_from_model(model, params);
    if (!ctx) return 1;
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    struct llama_sampler *chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    llama_sampler_chain_add(chain, llama_sampler_init_greedy());
    for (int round = 0; round < rounds; round++) {
        long ended = 0, length = 0;
        llama_memory_clear(llama_get_memory(ctx), false);
        llama_token token = llama_vocab_bos(vocab);
        const int64_t start = llama_time_us();
        for (int i = 0; i < n_tokens; i++) {
            if (llama_decode(ctx, llama_batch_get_one(&token, 1))) return 1;
            token = llama_sampler_sample(chain, ctx, -1);
            ended += llama_vocab_is_eog(vocab, token);
            length += llama_token_to_piece(vocab, token, text, sizeof text, 0, false);
        }
        printf("%.6f\n", (llama_time_us() - start) / 1e6);
        if (ended > n_tokens || length < 0) return 1;
    }
    llama_sampler_free(chain);
    llama_free(ctx);
    llama_model_free(model);
    return 0;
}
