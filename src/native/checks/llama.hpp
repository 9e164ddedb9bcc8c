// What llama.h's functions take for granted.
#pragma once
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#include <unistd.h>
#endif

#include "can_save.h"
#include "guard.hpp"
#include "internal_llama.h"
#include "ggml.hpp"

namespace llamacffi {

// --- memory ----------------------------------------------------------------------------------------------------------

// Whether there can be an array of n elements.
template <class T> bool holds(const T * array, size_t n) {
    return n == 0 || (array && n <= SIZE_MAX / sizeof(T) && readable(array, n * sizeof(T)));
}

inline bool are_texts(const char * const * texts, size_t n) {
    return holds(texts, n) && std::all_of(texts, texts + n, [](const char * text) { return text; });
}

// A text that an entry of an array has, whose end may have been forgotten: what lies there is anything.
inline bool is_text(const char * text) {
    for (size_t length = 0; length < 4096; length++) {
        if ((length == 0 || ((uintptr_t) (text + length) & 4095) == 0) && !is_mapped(text + length, 1)) return false;
        if (text[length] == 0) return true;
        if (std::iscntrl((unsigned char) text[length])) return false;
    }
    return false;
}

// What the machine has, or the container: taking more ends the process without a word.
inline size_t memory_size() {
    static const size_t size = [] {
#ifdef _WIN32
        MEMORYSTATUSEX status = {};
        status.dwLength = sizeof status;
        return GlobalMemoryStatusEx(&status) ? (size_t) status.ullTotalPageFile : SIZE_MAX;
#else
        size_t most = SIZE_MAX;
        const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        if (pages > 0 && page > 0) most = (size_t) pages * (size_t) page;
        for (const char * name : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
            std::FILE * file = std::fopen(name, "r");
            unsigned long long limit;
            if (file && std::fscanf(file, "%llu", &limit) == 1) most = std::min(most, (size_t) limit);
            if (file) std::fclose(file);
        }
        return most;
#endif
    }();
    return size;
}
inline bool fits_memory(size_t n, size_t element) { return n <= memory_size() / std::max<size_t>(element, 1); }

// std::regex calls itself for each character (libstdc++: 324 bytes of stack), and so does a grammar for each "(": work
// that would overflow a thread's stack is done on another thread, with so much of it.
template <class Work> struct LargeStack {
    Work & work;
    Call * call;
    std::exception_ptr thrown;

    void run() {
        current().innermost = call;
        try {
            work();
        } catch (...) {
            thrown = std::current_exception();
        }
        current().innermost = nullptr;
    }
#ifdef _WIN32
    static DWORD WINAPI start(void * self) {
        ((LargeStack *) self)->run();
        return 0;
    }
    bool run_with(size_t size) {
        const HANDLE thread = CreateThread(nullptr, size, start, this, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
        if (!thread) return false;
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        return true;
    }
#else
    static void * start(void * self) {
        ((LargeStack *) self)->run();
        return nullptr;
    }
    bool run_with(size_t size) {
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, size);
        const bool started = pthread_create(&thread, &attributes, start, this) == 0;
        pthread_attr_destroy(&attributes);
        if (started) pthread_join(thread, nullptr);
        return started;
    }
#endif
};
template <class Work> void on_large_stack(size_t length, Work work) {
    if (length < 4096) return work();
    LargeStack<Work> stack = {work, current().call(), nullptr};
    const size_t page = 65536, most = (size_t) 1 << (sizeof(size_t) * 8 - 4);
    size_t size = std::min(length, most / 1024) * 1024;
    while (!stack.run_with((size + page) / page * page))
        if ((size /= 2) < 1024 * page) throw std::bad_alloc();
    if (stack.thrown) std::rethrow_exception(stack.thrown);
}

// --- parameters of models and quantization ---------------------------------------------------------------------------

// llama_prepare_model_devices walks to the NULL at the end.
inline bool are_devices(const ggml_backend_dev_t * devices) {
    for (; devices && *devices; devices++) {
        bool found = false;
        for (size_t i = 0; !found && i < ggml_backend_dev_count(); i++) found = ggml_backend_dev_get(i) == *devices;
        if (!found) return false;
    }
    return true;
}

// llama_model_loader::llama_model_loader walks to the empty key.
inline bool are_kv_overrides(const llama_model_kv_override * each) {
    for (; each; each++) {
        if (!is_mapped(each, sizeof *each)) return false;
        if (!each->key[0]) return true;
        if (!std::memchr(each->key, 0, sizeof each->key) || !is_text(each->key)) return false;
        if ((unsigned) each->tag > LLAMA_KV_OVERRIDE_TYPE_STR) return false;
        const bool is_str = each->tag == LLAMA_KV_OVERRIDE_TYPE_STR;
        if (is_str && !std::memchr(each->val_str, 0, sizeof each->val_str)) return false;
    }
    return true;
}

// llama_model_loader::create_tensor walks to the NULL.
inline bool are_buffer_overrides(const llama_model_tensor_buft_override * each) {
    for (; each; each++) {
        if (!is_mapped(each, sizeof *each)) return false;
        if (!each->pattern) return true;
        if (!is_text(each->pattern) || !each->buft || dead(each->buft)) return false;
        if ((uintptr_t) each->buft % sizeof(void *) || !is_mapped(each->buft, 8 * sizeof(void *))) return false;
    }
    return true;
}

// ggml_quantize_chunk, where a failed assertion on a thread of its own can't be caught.
inline bool is_weight_type(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F32: case GGML_TYPE_F16: case GGML_TYPE_BF16: return true;
        case GGML_TYPE_Q8_1: case GGML_TYPE_Q8_K: return false;  // for intermediate results
        default: return (unsigned) type < GGML_TYPE_COUNT && ggml_is_quantized(type) && ggml_blck_size(type) > 0;
    }
}

inline bool are_type_overrides(const llama_model_tensor_override * each) {
    for (; each; each++) {
        if (!is_mapped(each, sizeof *each)) return false;
        if (!each->pattern) return true;
        if (!is_text(each->pattern) || !is_weight_type(each->type)) return false;
    }
    return true;
}

inline bool is_imatrix(const llama_model_imatrix_data * each) {
    for (; each; each++) {
        if (!is_mapped(each, sizeof *each)) return false;
        if (!each->name) return true;
        if (!is_text(each->name) || !holds(each->data, each->size)) return false;
        // The weights are roots' arguments: negative ones become NaN, on which quantizing asserts.
        if (std::any_of(each->data, each->data + each->size, [](float value) { return value < 0; })) return false;
    }
    return true;
}

// Some types can't do without the weights of this very tensor.
inline bool has_weights_for(const llama_model_quantize_params * params, ggml_type type, const char * path,
    const char * name) {
    if (type == GGML_TYPE_COUNT || params->only_copy || !ggml_quantize_requires_imatrix(type)) return true;
    const llama_model_imatrix_data * each = params->imatrix;
    while (each && each->name && std::strcmp(each->name, name)) each++;
    ggml_context * tensors = nullptr;
    gguf_context * file = gguf_init_from_file(path, {true, &tensors});
    const ggml_tensor * tensor = tensors ? ggml_get_tensor(tensors, name) : nullptr;
    const bool has = !tensor || (each && each->name && each->size == (size_t) (tensor->ne[0] * tensor->ne[2]));
    ggml_free(tensors);
    gguf_free(file);
    return has;
}

inline bool are_layers(const int32_t * each) {
    for (int n = 0; each && n < 4096; n++, each++) {
        if (!is_mapped(each, sizeof *each)) return false;
        if (*each == -1) return true;
        if (*each < 0 || *each >= 4096) return false;
    }
    return !each;
}

// The input is mapped while the output is written.
inline bool are_two_files(const char * one, const char * other) {
    std::error_code ignored;
    return !std::filesystem::equivalent(std::filesystem::u8path(one), std::filesystem::u8path(other), ignored);
}

// --- what belongs to a context ---------------------------------------------------------------------------------------

// What a context keeps pointers to, and what no function tells of it.
struct ContextState {
    const ggml_threadpool * pools[2] = {};
    std::map<llama_seq_id, const llama_sampler *> samplers;
#ifdef LLAMACFFI_HAS_llama_adapter_lora
    std::vector<const llama_adapter_lora *> adapters;
#endif
    std::map<llama_seq_id, std::vector<uint8_t>> device_states;
    bool encoded = false, trains = false;
    ggml_type type_k = GGML_TYPE_F16, type_v = GGML_TYPE_F16;
};
struct Contexts {
    std::mutex mutex;
    std::unordered_map<const llama_context *, ContextState> of;
    std::unordered_map<const void *, const llama_context *> batches;  // llama_batch_ext's
};
inline Contexts & contexts() {
    static Contexts * all = new Contexts;  // never destroyed: threads may outlive the statics
    return *all;
}

inline void hold_sampler(const llama_context * ctx, llama_seq_id seq_id, const llama_sampler * smpl) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    const llama_sampler *& slot = contexts().of[ctx].samplers[seq_id];
    if (slot) forgets(ctx, slot);
    slot = smpl;
    if (slot) uses_too(ctx, slot);
}

inline void hold_pools(const llama_context * ctx, const ggml_threadpool * pool, const ggml_threadpool * batch) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    ContextState & held = contexts().of[ctx];
    for (const ggml_threadpool *& each : held.pools) {
        if (each) forgets(ctx, each);
        each = nullptr;
    }
    held.pools[0] = pool;
    held.pools[1] = batch;
    for (const ggml_threadpool * each : held.pools)
        if (each) uses_too(ctx, each);
}

// The threadpools that it decodes with, one token and several.
inline bool take_pools(Call & call, PoolUse & use, llama_context * ctx) {
    const ggml_threadpool * pools[2];
    {
        std::lock_guard<std::mutex> lock(contexts().mutex);
        const auto found = contexts().of.find(ctx);
        if (found == contexts().of.end()) return true;
        std::copy_n(found->second.pools, 2, pools);
    }
    if (!pools[1]) pools[1] = pools[0];
    return use.take(call, "ctx", pools[0], llama_n_threads(ctx)) &&
        use.take(call, "ctx", pools[1], llama_n_threads_batch(ctx));
}

inline void hold_adapters(const llama_context * ctx, llama_adapter_lora * const * adapters, size_t n) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    std::vector<const llama_adapter_lora *> & held = contexts().of[ctx].adapters;
    for (const llama_adapter_lora * each : held) forgets(ctx, each);
    held.assign(adapters, adapters + n);
    for (const llama_adapter_lora * each : held) uses_too(ctx, each);
}

inline void context_made(const llama_context * ctx, const llama_model * model, const llama_context_params & params) {
    if (!ctx) return;
    made(ctx, blocks(model));
    {
        std::lock_guard<std::mutex> lock(contexts().mutex);
        ContextState & state = contexts().of[ctx] = {};
        state.type_k = params.type_k;
        state.type_v = params.type_v;
    }
#ifdef LLAMACFFI_HAS_llama_context_params_ctx_other
    if (params.ctx_other) uses_too(ctx, params.ctx_other);
#endif
#ifdef LLAMACFFI_HAS_llama_context_params_samplers
    if (!params.samplers) return;
    for (const llama_sampler_seq_config * each = params.samplers; each < params.samplers + params.n_samplers; each++)
        hold_sampler(ctx, each->seq_id, each->sampler);
#endif
}

inline void context_gone(const llama_context * ctx) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    contexts().of.erase(ctx);
}

template <class Field> Field context_state(const llama_context * ctx, Field ContextState::*field) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    return contexts().of[ctx].*field;
}
template <class Field> void set_context_state(const llama_context * ctx, Field ContextState::*field, Field value) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    contexts().of[ctx].*field = value;
}

inline void batch_ext_made(const llama_batch_ext * batch, const llama_context * ctx) {
    made(batch, uses(ctx));
    std::lock_guard<std::mutex> lock(contexts().mutex);
    contexts().batches[batch] = ctx;
}
inline bool is_batch_of(const llama_batch_ext * batch, const llama_context * ctx) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    const auto found = contexts().batches.find(batch);
    return found == contexts().batches.end() || found->second == ctx;
}

// Moving positions means turning the keys, which ggml_rope can't do with bfloat16: a kernel would assert.
inline bool can_move(llama_memory_t mem) {
    const Entry * entry = find(mem), * owner = entry ? entry->owner.load() : nullptr;
    return llama_memory_can_shift(mem) &&
        (!owner || context_state((const llama_context *) owner->address, &ContextState::type_k) != GGML_TYPE_BF16);
}

// llama_io_write_device views a row of blocks as so many elements.
inline bool is_quantized_cache(const llama_context * ctx) {
    return ggml_is_quantized(context_state(ctx, &ContextState::type_k)) ||
        ggml_is_quantized(context_state(ctx, &ContextState::type_v));
}

inline bool has_weights(const llama_context * ctx) { return llamacffi_has_weights(llama_get_model(ctx)); }

// --- parameters of contexts ------------------------------------------------------------------------------------------

// A cache is written by ggml_set_rows, which can't do what takes a search.
inline bool is_cache_type(ggml_type type) {
    switch (type) {
        case GGML_TYPE_IQ1_S: case GGML_TYPE_IQ1_M: case GGML_TYPE_IQ2_XXS: case GGML_TYPE_IQ2_XS: case GGML_TYPE_IQ2_S:
        case GGML_TYPE_IQ3_XXS: case GGML_TYPE_IQ3_S: return false;
        default: return is_weight_type(type);
    }
}

// llama_kv_cells::resize, llama_kv_cache::llama_kv_cache, llama_context::output_reserve.
inline bool fits_context(const llama_model * model, const llama_context_params & params) {
    if (!llamacffi_has_weights(model)) return true;
    const size_t n_ctx = params.n_ctx ? params.n_ctx : (size_t) llama_model_n_ctx_train(model);
    return n_ctx <= INT32_MAX && fits_memory(n_ctx, llamacffi_cell_size(model, params.type_k, params.type_v)) &&
        (n_ctx >= params.n_batch || fits_memory(params.n_batch, sizeof(int32_t)));
}

// --- samplers --------------------------------------------------------------------------------------------------------

// What a sampler was made for.
struct MadeFor {
    const llama_vocab * vocab;
    int32_t n_vocab;
    bool lazy;  // a grammar that searches all that was accepted for its triggers
};
struct Samplers {
    std::mutex mutex;
    std::unordered_map<const llama_sampler *, MadeFor> of;
};
inline Samplers & samplers() {
    static Samplers * all = new Samplers;
    return *all;
}

inline void sampler_made(const llama_sampler * smpl, const llama_vocab * vocab = nullptr, int32_t n_vocab = 0,
    bool lazy = false) {
    if (!smpl) return;
    if (vocab) made(smpl, uses(vocab));
    else made(smpl);
    std::lock_guard<std::mutex> lock(samplers().mutex);
    if (vocab || n_vocab) samplers().of[smpl] = {vocab, n_vocab, lazy};
    else samplers().of.erase(smpl);
}
inline MadeFor made_for(const llama_sampler * smpl) {
    std::lock_guard<std::mutex> lock(samplers().mutex);
    const auto found = samplers().of.find(smpl);
    return found == samplers().of.end() ? MadeFor{nullptr, 0, false} : found->second;
}

// llama_sampler_init keeps the address of the interface: one that Python may collect is kept here, once for each that
// is different.
inline llama_sampler * sampler_init(const llama_sampler_i * iface, llama_sampler_context_t ctx) {
    static std::vector<std::unique_ptr<llama_sampler_i>> * kept = new std::vector<std::unique_ptr<llama_sampler_i>>;
    std::lock_guard<std::mutex> lock(samplers().mutex);
    const auto same = [iface](const auto & each) { return !std::memcmp(each.get(), iface, sizeof *iface); };
    auto found = std::find_if(kept->begin(), kept->end(), same);
    if (found == kept->end()) found = kept->insert(found, std::make_unique<llama_sampler_i>(*iface));
    return llama_sampler_init(found->get(), ctx);
}

// A chain is what has the same interface as a chain.
inline bool is_chain(const llama_sampler * smpl) {
    static const auto chains = [] {
        llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
        const auto iface = chain->iface;
        llama_sampler_free(chain);
        return iface;
    }();
    return smpl->iface == chains;
}
inline int32_t n_links(const llama_sampler * smpl) { return is_chain(smpl) ? llama_sampler_chain_n(smpl) : 0; }
inline llama_sampler * linked(const llama_sampler * chain, int32_t i) {
    return llama_sampler_chain_get(const_cast<llama_sampler *>(chain), i);
}

// Whether this holds for a sampler and all that are in it.
template <class Predicate> bool all_links(const llama_sampler * smpl, Predicate holds_for) {
    if (!smpl || !smpl->iface || !holds_for(smpl)) return false;
    for (int32_t i = 0, n = n_links(smpl); i < n; i++)
        if (!all_links(linked(smpl, i), holds_for)) return false;
    return true;
}

// Whether what each sampler in it was made for is still there.
inline bool is_intact(const llama_sampler * smpl) {
    return all_links(smpl, [](const llama_sampler * each) {
        const Entry * entry = find(each);
        return !entry || !entry->orphan;
    });
}

inline bool contains(const llama_sampler * smpl, const llama_sampler * sought) {
    return !all_links(smpl, [sought](const llama_sampler * each) { return each != sought; });
}
inline int links_deep(const llama_sampler * smpl) {
    int deepest = 0;
    for (int32_t i = 0, n = n_links(smpl); i < n; i++) deepest = std::max(deepest, links_deep(linked(smpl, i)));
    return 1 + deepest;
}
inline bool is_owned(const llama_sampler * smpl) {
    const Entry * entry = find(smpl);
    return entry && entry->owner.load();
}
// Freeing, applying and all else go down into the chains in a chain.
inline bool may_nest(const llama_sampler * chain, const llama_sampler * smpl) {
    int depth = links_deep(smpl);
    for (const Entry * entry = find(chain); entry; entry = entry->owner.load()) depth++;
    return depth <= 100;
}

// Whether a context uses a sampler for its own sampling, alone or in a chain.
inline bool is_attached(const llama_sampler * smpl) {
    for (const Entry * entry = find(smpl); entry; entry = entry->owner.load())
        if (entry->blockers) return true;
    return false;
}

// The samplers that look rows up by token, on a backend, where an assertion can't be caught.
inline bool is_for_vocab(const llama_sampler * smpl, int32_t n_vocab) {
    return all_links(smpl, [n_vocab](const llama_sampler * each) { return made_for(each).n_vocab <= n_vocab; });
}
inline bool is_acceptable(const llama_sampler * smpl, llama_token token) {
    return !is_attached(smpl) || all_links(smpl, [token](const llama_sampler * each) {
        const int32_t n_vocab = made_for(each).n_vocab;
        return n_vocab <= 0 || (token >= 0 && token < n_vocab);
    });
}

inline bool is_chain_for(const llama_sampler * smpl, int32_t n_vocab) {
    if (!smpl || dead(smpl) || (!known(smpl) && !is_mapped(smpl, sizeof *smpl))) return false;
    return is_chain(smpl) && is_intact(smpl) && is_for_vocab(smpl, n_vocab);
}
inline bool are_chains(const llama_model * model, const llama_sampler_seq_config * configs, size_t n) {
    if (!configs) return true;
    if (!holds(configs, n)) return false;
    std::set<const llama_sampler *> seen;
    const int32_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    return std::all_of(configs, configs + n, [&](const llama_sampler_seq_config & each) {
        return is_chain_for(each.sampler, n_vocab) && seen.insert(each.sampler).second;
    });
}

// llama_sampler_adaptive_p_clone copies which probability belongs to the token that waits to be accepted, and not the
// probabilities: the copy must not wait. No token is -2.
inline void sampler_cloned(const llama_sampler * from, llama_sampler * result) {
    if (!result) return;
    const MadeFor origin = made_for(from);
    sampler_made(result, origin.vocab, origin.n_vocab, origin.lazy);
    if (result->iface->name && !std::strcmp(llama_sampler_name(result), "adaptive-p")) llama_sampler_accept(result, -2);
    for (int32_t i = 0, n = n_links(result); i < n; i++) {
        sampler_cloned(linked(from, i), linked(result, i));
        owned(linked(result, i), result);
    }
}

// Each of llama_sampler_apply's kinds goes through all of the candidates.
inline bool are_candidates(const llama_token_data_array * array) {
    return array->size > 0 && holds(array->data, array->size);
}

// llama_sampler_accept and llama_sampler_sample, where a regular expression may be searched for in all of the text.
inline size_t regex_length(const llama_sampler * smpl) {
    return all_links(smpl, [](const llama_sampler * each) { return !made_for(each).lazy; }) ? 0 : 1 << 18;
}
inline void accept(llama_sampler * smpl, llama_token token) {
    on_large_stack(regex_length(smpl), [&] { llama_sampler_accept(smpl, token); });
}
inline llama_token sample(llama_sampler * smpl, llama_context * ctx, int32_t idx) {
    llama_token token = LLAMA_TOKEN_NULL;
    on_large_stack(regex_length(smpl), [&] { token = llama_sampler_sample(smpl, ctx, idx); });
    return token;
}

// Penalties allocate as much as they are to remember.
const int32_t longest_history = 1 << 24;

inline size_t text_length(const char * text) { return text ? std::strlen(text) : 0; }
inline llama_sampler * init_grammar(const llama_vocab * vocab, const char * grammar, const char * root) {
    llama_sampler * result = nullptr;
    on_large_stack(text_length(grammar), [&] { result = llama_sampler_init_grammar(vocab, grammar, root); });
    return result;
}
inline llama_sampler * init_grammar_lazy(const llama_vocab * vocab, const char * grammar, const char * root,
    const char ** words, size_t n_words, const llama_token * tokens, size_t n_tokens) {
    llama_sampler * result = nullptr;
    on_large_stack(text_length(grammar), [&] {
        result = llama_sampler_init_grammar_lazy(vocab, grammar, root, words, n_words, tokens, n_tokens);
    });
    return result;
}
inline llama_sampler * init_grammar_lazy_patterns(const llama_vocab * vocab, const char * grammar, const char * root,
    const char ** patterns, size_t n_patterns, const llama_token * tokens, size_t n_tokens) {
    llama_sampler * result = nullptr;
    on_large_stack(text_length(grammar), [&] {
        result =
            llama_sampler_init_grammar_lazy_patterns(vocab, grammar, root, patterns, n_patterns, tokens, n_tokens);
    });
    return result;
}

// llama_grammar_parser counts max - min repetitions without a look at which is larger.
inline bool is_countable_grammar(const char * at) {
    const auto skip = [](const char * from) {
        while (*from == ' ' || *from == '\t' || *from == '\r' || *from == '\n' || *from == '#') {
            if (*from == '#') while (*from && *from != '\r' && *from != '\n') from++;
            else from++;
        }
        return from;
    };
    while (at && *at) {
        if (*at == '#') {
            at = skip(at);
        } else if (*at == '"' || *at == '[' || *at == '<') {
            const char end = *at == '"' ? '"' : *at == '[' ? ']' : '>';
            for (at++; *at && *at != end; at++)
                if (*at == '\\' && at[1] && end != '>') at++;
            if (*at) at++;
        } else if (*at == '{') {
            const char * from = skip(at + 1);
            char * end;
            const unsigned long long least = std::strtoull(from, &end, 10);
            const char * comma = skip(end);
            if (end != from && *comma == ',') {
                const char * upper = skip(comma + 1);
                if (std::isdigit((unsigned char) *upper) && std::strtoull(upper, nullptr, 10) < least) return false;
            }
            at++;
        } else {
            at++;
        }
    }
    return true;
}

// --- batches ---------------------------------------------------------------------------------------------------------

// The arrays of the batches that llama_batch_init made.
struct MadeBatch {
    int32_t n_tokens, embd, n_seq_max;
    llama_batch arrays;
};
struct Batches {
    std::mutex mutex;
    std::unordered_map<const void *, MadeBatch> living;  // by each of the arrays
    std::deque<llama_batch> freed;                   // the latest ones
};
inline Batches & batches() {
    static Batches * all = new Batches;
    return *all;
}
// Those that it has, without allocating: this is asked for each batch that is decoded.
struct Arrays {
    const void * all[6];
    size_t n;
    const void * const * begin() const { return all; }
    const void * const * end() const { return all + n; }
};
inline Arrays arrays_of(const llama_batch & batch) {
    Arrays arrays = {{}, 0};
    for (const void * each : {(const void *) batch.token, (const void *) batch.embd, (const void *) batch.pos,
             (const void *) batch.n_seq_id, (const void *) batch.seq_id, (const void *) batch.logits})
        if (each) arrays.all[arrays.n++] = each;
    return arrays;
}
inline bool same_arrays(const llama_batch & a, const llama_batch & b) {
    return a.token == b.token && a.embd == b.embd && a.pos == b.pos && a.n_seq_id == b.n_seq_id &&
        a.seq_id == b.seq_id && a.logits == b.logits;
}

inline void batch_made(const llama_batch & batch, int32_t n_tokens, int32_t embd, int32_t n_seq_max) {
    std::lock_guard<std::mutex> lock(batches().mutex);
    for (const void * each : arrays_of(batch)) batches().living[each] = {n_tokens, embd, n_seq_max, batch};
    std::deque<llama_batch> & freed = batches().freed;
    freed.erase(std::remove_if(freed.begin(), freed.end(),
        [&](const llama_batch & each) { return each.seq_id == batch.seq_id || each.pos == batch.pos; }),
        freed.end());
}

// Whether llama_batch_free may have this batch; it is then no longer known.
inline bool batch_ends(const llama_batch & batch) {
    std::lock_guard<std::mutex> lock(batches().mutex);
    const Arrays arrays = arrays_of(batch);
    if (!arrays.n) return true;
    const auto found = batches().living.find(arrays.all[0]);
    if (found == batches().living.end()) return false;
    const llama_batch made = found->second.arrays;
    const auto is_own = [](const void * array, const void * own) { return !array || array == own; };
    if (!is_own(batch.token, made.token) || !is_own(batch.embd, made.embd)) return false;
    if (!is_own(batch.pos, made.pos) || !is_own(batch.n_seq_id, made.n_seq_id)) return false;
    if (!is_own(batch.seq_id, made.seq_id) || !is_own(batch.logits, made.logits)) return false;
    for (const void * each : arrays_of(made)) batches().living.erase(each);
    batches().freed.push_back(made);
    if (batches().freed.size() > 256) batches().freed.pop_front();
    return true;
}

inline bool was_freed(const llama_batch & batch) {
    if (!batch.pos || !batch.seq_id) return false;
    std::lock_guard<std::mutex> lock(batches().mutex);
    if (batches().living.count(batch.pos)) return false;
    return std::any_of(batches().freed.begin(), batches().freed.end(),
        [&](const llama_batch & each) { return same_arrays(each, batch); });
}

// Whether there is room for the batch's tokens in those of its arrays that llama_batch_init made.
inline bool batch_has_room(const llama_batch & batch, int32_t n_embd) {
    if (batch.n_tokens <= 0) return true;
    std::lock_guard<std::mutex> lock(batches().mutex);
    for (const void * each : arrays_of(batch)) {
        const auto found = batches().living.find(each);
        if (found == batches().living.end()) continue;
        const MadeBatch & made = found->second;
        if (batch.n_tokens > made.n_tokens) return false;
        const int64_t needed = (int64_t) batch.n_tokens * n_embd;
        if (each == batch.embd && (int64_t) made.n_tokens * made.embd < needed) return false;
        if (each == batch.seq_id && batch.n_seq_id) {
            for (int32_t i = 0; i < batch.n_tokens; i++)
                if (batch.n_seq_id[i] > made.n_seq_max) return false;
        }
    }
    return true;
}

// llama_batch_compat::init and llama_batch_allocr::init take one sequence for granted, and look positions up by it.
inline bool batch_has_sequences(const llama_context * ctx, const llama_batch & batch) {
    const int32_t n_seq_max = (int32_t) llama_n_seq_max(ctx);
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        const int32_t n = batch.n_seq_id ? batch.n_seq_id[i] : 1;
        if (n < 1 || n > n_seq_max || (n > 1 && !batch.seq_id)) return false;
        if (!batch.seq_id) continue;
        if (!batch.seq_id[i]) return false;
        if (!batch.pos && (batch.seq_id[i][0] < 0 || batch.seq_id[i][0] >= n_seq_max)) return false;
    }
    return true;
}

// A cell at position -1 counts as empty (llama_kv_cells::is_empty), and positions are looked up as they are in models
// that have embeddings for them.
inline bool batch_has_positions(const llama_context * ctx, const llama_batch & batch) {
    const int32_t n_positions = llamacffi_n_positions(llama_get_model(ctx));
    std::map<llama_seq_id, llama_pos> next;
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        llama_pos position;
        if (batch.pos) {
            position = batch.pos[i];
        } else {
            if (n_positions == INT32_MAX) return true;
            const llama_seq_id seq_id = batch.seq_id ? batch.seq_id[i][0] : 0;
            const auto found = next.find(seq_id);
            if (found != next.end()) position = found->second;
            else position = llama_memory_seq_pos_max(llama_get_memory(ctx), seq_id) + 1;
            next[seq_id] = position + 1;
        }
        if (position < 0 || position >= n_positions) return false;
    }
    return true;
}
inline bool batch_ext_has_positions(const llama_context * ctx, const llama_batch_ext * batch) {
    llama_pos lowest, highest;
    if (!llamacffi_positions(batch, &lowest, &highest)) return true;
    return lowest >= 0 && highest < llamacffi_n_positions(llama_get_model(ctx));
}

inline int32_t n_embd_of(const llama_context * ctx) {
    const llama_model * model = llama_get_model(ctx);
#ifdef LLAMACFFI_HAS_llama_model_n_embd_out
    return std::max(llama_model_n_embd_inp(model), llama_model_n_embd_out(model));
#else
    return llama_model_n_embd(model);
#endif
}

// Only these models have a graph that does without a cache.
inline bool can_encode(const llama_context * ctx) {
    return !llama_get_memory(ctx) || llama_model_has_encoder(llama_get_model(ctx));
}

// llm_graph_input_cross_kq asserts it in the midst of decoding.
inline bool is_encoded(const llama_context * ctx) {
    char arch[16] = "";
    llama_model_meta_val_str(llama_get_model(ctx), "general.architecture", arch, sizeof arch);
    return std::strcmp(arch, "t5") || context_state(ctx, &ContextState::encoded);
}

// --- states ----------------------------------------------------------------------------------------------------------

// A state begins with a text, for which llama_io_read_i::read_string makes room before it knows that there is one.
inline bool begins_with_text(const uint8_t * src, size_t size) {
    uint32_t length;
    if (size < sizeof length) return true;  // it will be found too short
    std::memcpy(&length, src, sizeof length);
    return length <= size - sizeof length;
}
inline bool is_state_file(const char * path) {
    std::FILE * file = ggml_fopen(path, "rb");
    if (!file) return true;  // llama.cpp says so
    uint32_t head[3] = {}, length = 0;
    bool can_be = true;
    if (std::fread(head, sizeof head, 1, file) == 1 && head[0] == LLAMA_SESSION_MAGIC &&
        head[1] == LLAMA_SESSION_VERSION) {
        can_be = std::fseek(file, (long) (head[2] * (unsigned long) sizeof(llama_token)), SEEK_CUR) == 0 &&
            std::fread(&length, sizeof length, 1, file) == 1 && length <= 65536;
    }
    std::fclose(file);
    return can_be;
}

// llama_set_state_data is not told how long a state is: this much is known of its beginning. What begins otherwise is not
// read any further, as it may be shorter.
inline bool is_state_of(const llama_context * ctx, const uint8_t * src) {
    char arch[64] = "";
    llama_model_meta_val_str(llama_get_model(ctx), "general.architecture", arch, sizeof arch);
    const uint32_t length = (uint32_t) std::strlen(arch);
    const std::string begin = std::string((const char *) &length, sizeof length) + arch;
    if (!is_mapped(src, begin.size())) return false;
    for (size_t i = 0; i < begin.size(); i++)
        if ((char) src[i] != begin[i]) return false;
    return true;
}

inline bool has_room_for_state(llama_context * ctx, uint8_t * dst, size_t size) {
    return writable(dst, size) || writable(dst, std::min(size, llama_state_get_size(ctx)));
}
inline bool has_room_for_seq_state(llama_context * ctx, uint8_t * dst, size_t size, llama_seq_id seq_id,
    llama_state_seq_flags flags) {
    return writable(dst, size) || writable(dst, std::min(size, llama_state_seq_get_size_ext(ctx, seq_id, flags)));
}

// A state on the device is restored by a destructor (llama_io_read_device), whose assertions can't be caught: it must
// be the one that was saved last.
inline void device_state_saved(const llama_context * ctx, llama_seq_id seq_id, const uint8_t * data, size_t size) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    contexts().of[ctx].device_states[seq_id].assign(data, data + size);
}
inline bool is_device_state(const llama_context * ctx, const uint8_t * src, size_t size) {
    std::lock_guard<std::mutex> lock(contexts().mutex);
    llama_seq_id seq_id;
    if (size < 2 * sizeof(uint32_t)) return false;
    std::memcpy(&seq_id, src + sizeof(uint32_t), sizeof seq_id);
    const auto & states = contexts().of[ctx].device_states;
    const auto found = states.find(seq_id);
    return found != states.end() && found->second.size() == size && !std::memcmp(found->second.data(), src, size);
}

// --- adapters --------------------------------------------------------------------------------------------------------

inline bool are_adapters(const llama_context * ctx, llama_adapter_lora * const * adapters, size_t n,
    const float * scales) {
    if (!holds(adapters, n) || !holds(scales, n)) return false;
    return std::all_of(adapters, adapters + n, [ctx](const llama_adapter_lora * each) {
        if (!each || !known(each)) return false;
        const llama_model * model = llamacffi_model_of_adapter(each);
        return !model || model == llama_get_model(ctx);
    });
}

// An adapter dies with its model, and may be freed before.
inline bool leaves_model(const llama_adapter_lora * adapter) {
    const Entry * entry = adapter ? find(adapter) : nullptr;
    if (entry && entry->alive && !entry->blockers && !entry->pins) released(adapter);
    return true;
}

// --- chat templates, split paths -------------------------------------------------------------------------------------

inline bool are_messages(const llama_chat_message * chat, size_t n) {
    const auto is_complete = [](const llama_chat_message & each) { return each.role && each.content; };
    return holds(chat, n) && std::all_of(chat, chat + n, is_complete);
}

// --- training --------------------------------------------------------------------------------------------------------

// llama_context::opt_init asserts it when it has changed the model already.
inline bool divides_evenly(const llama_context * ctx, uint32_t n_ctx_train) {
    const uint32_t n_ctx = n_ctx_train ? n_ctx_train : llama_n_ctx(ctx);
    const uint32_t n_batch = std::min(llama_n_batch(ctx), n_ctx), n_ubatch = std::min(llama_n_ubatch(ctx), n_batch);
    return n_ctx <= llama_n_ctx(ctx) && n_batch && n_ubatch && n_ctx % n_batch == 0 && n_batch % n_ubatch == 0;
}

// llama_context::opt_epoch reads n_ctx tokens and labels each, and writes to where a label leads.
inline bool is_text_for(const llama_context * ctx, ggml_opt_dataset_t dataset) {
    const int64_t n_ctx = llama_n_ctx(ctx);
    const int32_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(ctx)));
    for (const ggml_tensor * each : {ggml_opt_dataset_data(dataset), ggml_opt_dataset_labels(dataset)}) {
        if (!each || each->type != GGML_TYPE_I32) return false;
        if (each->ne[0] != n_ctx || each->ne[1] != ggml_opt_dataset_ndata(dataset)) return false;
        const int32_t * tokens = (const int32_t *) each->data;
        const auto is_in_vocab = [n_vocab](int32_t token) { return token >= 0 && token < n_vocab; };
        if (!std::all_of(tokens, tokens + ggml_nelements(each), is_in_vocab)) return false;
    }
    return true;
}

// --- vocabularies ----------------------------------------------------------------------------------------------------

// Some vocabularies split texts by regular expressions.
inline int32_t tokenize(const llama_vocab * vocab, const char * text, int32_t text_len, llama_token * tokens,
    int32_t n_tokens_max, bool add_special, bool parse_special) {
    int32_t result = 0;
    on_large_stack((size_t) text_len, [&] {
        result = llama_tokenize(vocab, text, text_len, tokens, n_tokens_max, add_special, parse_special);
    });
    return result;
}

inline bool is_token(const llama_vocab * vocab, llama_token token) {
    return token >= 0 && token < llama_vocab_n_tokens(vocab);
}
inline bool are_tokens(const llama_vocab * vocab, const llama_token * tokens, int32_t n) {
    const auto is_one = [vocab](llama_token each) { return is_token(vocab, each); };
    return n <= 0 || (holds(tokens, (size_t) n) && std::all_of(tokens, tokens + n, is_one));
}

}  // namespace llamacffi
