// Compiled into libllama, with its internal headers.
#include "internal_llama.h"

#include "llama-batch.h"

#include <algorithm>

bool llamacffi_positions(const struct llama_batch_ext * batch, llama_pos * lowest, llama_pos * highest) {
    if (batch->tokens.empty()) return false;
    const auto is_before = [](const auto & a, const auto & b) { return a.pos[0] < b.pos[0]; };
    const auto [low, high] = std::minmax_element(batch->tokens.begin(), batch->tokens.end(), is_before);
    *lowest = low->pos[0];
    *highest = high->pos[0];
    return true;
}
