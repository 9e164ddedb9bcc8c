#include "sampling.h"

#include <algorithm>

#include "guard.hpp"

#define GUARDED(name) extern "C" decltype(name) llamacffi_guard_##name
GUARDED(llama_sampler_accept);
GUARDED(llama_sampler_apply);
GUARDED(llama_sampler_chain_get);
GUARDED(llama_sampler_chain_n);
#undef GUARDED

using namespace llamacffi;

namespace {

const int32_t lanes = 4, block = 4 * lanes;

// Where the first block begins that has a logit above this; what is less than a block is one.
int32_t skip_small(const float * logits, int32_t i, int32_t n, float least) {
    for (; i + block <= n; i += block) {
        const float * a = logits + i, * b = a + lanes, * c = b + lanes, * d = c + lanes;
        float greatest[lanes];
        // In this form compilers compare many at once.
        for (int32_t lane = 0; lane < lanes; lane++) {
            const float ab = a[lane] > b[lane] ? a[lane] : b[lane], cd = c[lane] > d[lane] ? c[lane] : d[lane];
            greatest[lane] = ab > cd ? ab : cd;
        }
        float top = greatest[0];
        for (int32_t lane = 1; lane < lanes; lane++) top = greatest[lane] > top ? greatest[lane] : top;
        if (top > least) break;
    }
    return i;
}

// The k greatest, greatest first; of equal ones, those that come first.
void find_greatest(const float * logits, int32_t n, int32_t k, llama_token_data * found) {
    int32_t size = 0;
    const auto put = [&](int32_t id) {  // in the place of the last, which is given up
        int32_t at = size - 1;
        for (; at && found[at - 1].logit < logits[id]; at--) found[at] = found[at - 1];
        found[at] = {id, logits[id], 0.0f};
    };
    int32_t i = 0;
    for (; i < k; i++) {
        size++;
        put(i);
    }
    while (i < n) {
        i = skip_small(logits, i, n, found[k - 1].logit);
        for (const int32_t end = std::min(n, i + block); i < end; i++)
            if (logits[i] > found[k - 1].logit) put(i);
    }
}

}  // namespace

extern "C" llama_token llamacffi_likeliest(const float * logits, int32_t n_logits) {
    llama_token_data found;
    find_greatest(logits, n_logits, 1, &found);
    return found.id;
}

extern "C" llama_token llamacffi_sample_list(llama_sampler * chain, int32_t n_members, int32_t first,
    llama_token_data_array * candidates) {
    if (llamacffi_guard_llama_sampler_chain_n(chain) != n_members) return LLAMA_TOKEN_NULL;
    for (int32_t i = first; i < n_members; i++) {
        llama_sampler * member = llamacffi_guard_llama_sampler_chain_get(chain, i);
        if (current().failed) return LLAMA_TOKEN_NULL;
        llamacffi_guard_llama_sampler_apply(member, candidates);
        if (current().failed) return LLAMA_TOKEN_NULL;
    }
    if (candidates->selected < 0 || (size_t) candidates->selected >= candidates->size) return LLAMA_TOKEN_NULL;
    const llama_token token = candidates->data[candidates->selected].id;
    llamacffi_guard_llama_sampler_accept(chain, token);
    return current().failed ? LLAMA_TOKEN_NULL : token;
}

extern "C" llama_token llamacffi_sample_top(llama_sampler * chain, int32_t n_members, int32_t first, const float * logits,
    int32_t n_logits, int32_t k) {
    k = std::min(k, n_logits);
    llama_token_data found[LLAMACFFI_SAMPLE_TOP];
    if (k < 1 || k > LLAMACFFI_SAMPLE_TOP) return LLAMA_TOKEN_NULL;
    find_greatest(logits, n_logits, k, found);
    llama_token_data_array candidates = {found, (size_t) k, -1, true};
    return llamacffi_sample_list(chain, n_members, first, &candidates);
}
