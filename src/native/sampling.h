/* Sampling by a chain whose first members have done their part. */
#pragma once
#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Give the candidates to a chain's members from `first` on, and accept the token that is chosen. LLAMA_TOKEN_NULL: a
 * call has failed, which is recorded; or nothing has chosen; or, with nothing done, the chain does not have
 * `n_members`. */
llama_token llamacffi_sample_list(struct llama_sampler *chain, int32_t n_members, int32_t first,
    struct llama_token_data_array *candidates);

/* Of more, llama.cpp's own way takes as long. */
enum { LLAMACFFI_SAMPLE_TOP = 128 };

/* The same with the `k` greatest of these logits, greatest first: what top-k leaves. llama_sampler_sample makes a list of
 * the whole vocabulary for it, which takes longer than all the rest. */
llama_token llamacffi_sample_top(struct llama_sampler *chain, int32_t n_members, int32_t first, const float *logits,
    int32_t n_logits, int32_t k);

/* The first of the greatest. */
llama_token llamacffi_likeliest(const float *logits, int32_t n_logits);

#ifdef __cplusplus
}
#endif
