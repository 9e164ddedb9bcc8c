/* Sampling by chains that begin with top-k or greedy, on the logits themselves. */
#pragma once
#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Choose a token and accept it, as llama_sampler_sample does, which makes a list of the whole vocabulary before: this
 * finds the `k` greatest of the logits, greatest first, and gives those to the chain's members from `first` on. What
 * the members before do must have been done. LLAMA_TOKEN_NULL: a call has failed, which is recorded; or nothing has
 * chosen; or, with nothing done, the chain does not have `n_members`. */
llama_token llamacffi_sample_top(struct llama_sampler *chain, int32_t n_members, int32_t first, const float *logits,
    int32_t n_logits, int32_t k);

#ifdef __cplusplus
}
#endif
