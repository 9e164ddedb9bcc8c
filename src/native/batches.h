/* Batches, written in blocks. */
#pragma once
#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Write n tokens to a batch from index `at` on, where it ends then; it must have room for them. They get consecutive
 * positions, and all of them the same sequences.
 * tokens: NULL leaves them as they are (so for embeddings).
 * pos: the first position; if negative, the one after the latest token of the first sequence, 0 if there is none.
 * outputs: which of them get an output: 0 none, 1 the last, 2 all. */
void llamacffi_batch_write(struct llama_batch *batch, int32_t at, const llama_token *tokens, int32_t n, llama_pos pos,
    const llama_seq_id *seq_ids, int32_t n_seq_ids, int outputs);

#ifdef __cplusplus
}
#endif
