#include "batches.h"

#include <algorithm>
#include <cstring>

static llama_pos next_position(const llama_batch & batch, int32_t n, llama_seq_id seq_id) {
    for (int32_t i = n - 1; i >= 0; i--) {
        const llama_seq_id * begin = batch.seq_id[i], * end = begin + batch.n_seq_id[i];
        if (std::find(begin, end, seq_id) != end) return batch.pos[i] + 1;
    }
    return 0;
}

extern "C" void llamacffi_batch_write(llama_batch * batch, int32_t at, const llama_token * tokens, int32_t n, llama_pos pos,
    const llama_seq_id * seq_ids, int32_t n_seq_ids, int outputs) {
    batch->n_tokens = at + std::max(n, 0);
    if (n <= 0) return;
    if (tokens) std::memcpy(batch->token + at, tokens, (size_t) n * sizeof *tokens);
    if (pos < 0) pos = next_position(*batch, at, seq_ids[0]);
    llama_pos * const positions = batch->pos + at;
    for (int32_t i = 0; i < n; i++) positions[i] = pos + i;
    std::fill_n(batch->n_seq_id + at, n, n_seq_ids);
    if (n_seq_ids == 1) {  // in a loop of its own, which is quick
        llama_seq_id ** const all = batch->seq_id + at;
        const llama_seq_id seq_id = seq_ids[0];
        for (int32_t i = 0; i < n; i++) *all[i] = seq_id;
    } else {
        for (int32_t i = at; i < at + n; i++) std::copy_n(seq_ids, n_seq_ids, batch->seq_id[i]);
    }
    std::memset(batch->logits + at, outputs == 2, (size_t) n);
    if (outputs == 1) batch->logits[at + n - 1] = 1;
}
