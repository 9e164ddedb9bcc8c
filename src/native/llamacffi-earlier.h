/* Today's names where llama.cpp has only earlier ones for the same: the package is written in today's.
 *
 * header_gen takes this for one more of llama.cpp's headers, so that what is defined here is a function as any other,
 * guarded and documented under its own name. It tells with UPSTREAM_<name> which names of those asked for here the other
 * headers have, which are all before it; nothing goes by a version. Where there is no earlier name there is nothing, and
 * the package says so. */
#pragma once

#define LLAMACFFI_CALLS(type, name, parameters, call) \
    static inline type name parameters { return call; }

#if !defined(UPSTREAM_GGML_ROPE_TYPE_NORMAL) && defined(UPSTREAM_GGML_ROPE_TYPE_NEOX)
#define GGML_ROPE_TYPE_NORMAL 0
#endif

/* --- models and contexts --- */

#if !defined(UPSTREAM_llama_model_load_from_file) && defined(UPSTREAM_llama_load_model_from_file)
LLAMACFFI_CALLS(struct llama_model *, llama_model_load_from_file,
    (const char *path_model, struct llama_model_params params), llama_load_model_from_file(path_model, params))
#endif
#if !defined(UPSTREAM_llama_model_free) && defined(UPSTREAM_llama_free_model)
static inline void llama_model_free(struct llama_model *model) { llama_free_model(model); }
#endif
#if !defined(UPSTREAM_llama_init_from_model) && defined(UPSTREAM_llama_new_context_with_model)
LLAMACFFI_CALLS(struct llama_context *, llama_init_from_model,
    (struct llama_model *model, struct llama_context_params params), llama_new_context_with_model(model, params))
#endif
#if !defined(UPSTREAM_llama_model_n_embd) && defined(UPSTREAM_llama_n_embd)
LLAMACFFI_CALLS(int32_t, llama_model_n_ctx_train, (const struct llama_model *model), llama_n_ctx_train(model))
LLAMACFFI_CALLS(int32_t, llama_model_n_embd, (const struct llama_model *model), llama_n_embd(model))
LLAMACFFI_CALLS(int32_t, llama_model_n_layer, (const struct llama_model *model), llama_n_layer(model))
LLAMACFFI_CALLS(int32_t, llama_model_n_head, (const struct llama_model *model), llama_n_head(model))
LLAMACFFI_CALLS(enum llama_rope_type, llama_model_rope_type, (const struct llama_model *model), llama_rope_type(model))
#endif

/* --- vocabularies: the model's own functions --- */

#if !defined(UPSTREAM_llama_model_get_vocab) && defined(UPSTREAM_llama_token_is_eog)
#define llama_vocab llama_model
LLAMACFFI_CALLS(const struct llama_vocab *, llama_model_get_vocab, (const struct llama_model *model), model)
LLAMACFFI_CALLS(int32_t, llama_vocab_n_tokens, (const struct llama_vocab *vocab), llama_n_vocab(vocab))
LLAMACFFI_CALLS(const char *, llama_vocab_get_text, (const struct llama_vocab *vocab, llama_token token),
    llama_token_get_text(vocab, token))
LLAMACFFI_CALLS(float, llama_vocab_get_score, (const struct llama_vocab *vocab, llama_token token),
    llama_token_get_score(vocab, token))
LLAMACFFI_CALLS(enum llama_token_attr, llama_vocab_get_attr, (const struct llama_vocab *vocab, llama_token token),
    llama_token_get_attr(vocab, token))
LLAMACFFI_CALLS(bool, llama_vocab_is_eog, (const struct llama_vocab *vocab, llama_token token),
    llama_token_is_eog(vocab, token))
LLAMACFFI_CALLS(bool, llama_vocab_is_control, (const struct llama_vocab *vocab, llama_token token),
    llama_token_is_control(vocab, token))
LLAMACFFI_CALLS(llama_token, llama_vocab_bos, (const struct llama_vocab *vocab), llama_token_bos(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_eos, (const struct llama_vocab *vocab), llama_token_eos(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_eot, (const struct llama_vocab *vocab), llama_token_eot(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_sep, (const struct llama_vocab *vocab), llama_token_sep(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_nl, (const struct llama_vocab *vocab), llama_token_nl(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_pad, (const struct llama_vocab *vocab), llama_token_pad(vocab))
LLAMACFFI_CALLS(bool, llama_vocab_get_add_bos, (const struct llama_vocab *vocab), llama_add_bos_token(vocab))
LLAMACFFI_CALLS(bool, llama_vocab_get_add_eos, (const struct llama_vocab *vocab), llama_add_eos_token(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_fim_pre, (const struct llama_vocab *vocab), llama_token_fim_pre(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_fim_suf, (const struct llama_vocab *vocab), llama_token_fim_suf(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_fim_mid, (const struct llama_vocab *vocab), llama_token_fim_mid(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_fim_pad, (const struct llama_vocab *vocab), llama_token_fim_pad(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_fim_rep, (const struct llama_vocab *vocab), llama_token_fim_rep(vocab))
LLAMACFFI_CALLS(llama_token, llama_vocab_fim_sep, (const struct llama_vocab *vocab), llama_token_fim_sep(vocab))
#endif

/* --- memory: the context's own cache of keys and values --- */

#if !defined(UPSTREAM_llama_get_memory) && \
    (defined(UPSTREAM_llama_kv_self_seq_rm) || defined(UPSTREAM_llama_kv_cache_seq_rm))
#if defined(UPSTREAM_llama_kv_self_seq_rm)
#define LLAMACFFI_KV(name) llama_kv_self_##name
#else
#define LLAMACFFI_KV(name) llama_kv_cache_##name
#endif
#define LLAMACFFI_CTX ((struct llama_context *)mem)
struct llama_memory_i;
typedef struct llama_memory_i *llama_memory_t;
LLAMACFFI_CALLS(llama_memory_t, llama_get_memory, (const struct llama_context *ctx), (llama_memory_t)ctx)
/* The cells' data is left as it is. */
static inline void llama_memory_clear(llama_memory_t mem, bool data) {
    (void)data;
    LLAMACFFI_KV(clear)(LLAMACFFI_CTX);
}
LLAMACFFI_CALLS(bool, llama_memory_seq_rm, (llama_memory_t mem, llama_seq_id seq_id, llama_pos p0, llama_pos p1),
    LLAMACFFI_KV(seq_rm)(LLAMACFFI_CTX, seq_id, p0, p1))
static inline void llama_memory_seq_cp(llama_memory_t mem, llama_seq_id seq_id_src, llama_seq_id seq_id_dst,
    llama_pos p0, llama_pos p1) {
    LLAMACFFI_KV(seq_cp)(LLAMACFFI_CTX, seq_id_src, seq_id_dst, p0, p1);
}
static inline void llama_memory_seq_keep(llama_memory_t mem, llama_seq_id seq_id) {
    LLAMACFFI_KV(seq_keep)(LLAMACFFI_CTX, seq_id);
}
static inline void llama_memory_seq_add(llama_memory_t mem, llama_seq_id seq_id, llama_pos p0, llama_pos p1,
    llama_pos delta) {
    LLAMACFFI_KV(seq_add)(LLAMACFFI_CTX, seq_id, p0, p1, delta);
}
static inline void llama_memory_seq_div(llama_memory_t mem, llama_seq_id seq_id, llama_pos p0, llama_pos p1, int d) {
    LLAMACFFI_KV(seq_div)(LLAMACFFI_CTX, seq_id, p0, p1, d);
}
LLAMACFFI_CALLS(llama_pos, llama_memory_seq_pos_max, (llama_memory_t mem, llama_seq_id seq_id),
    LLAMACFFI_KV(seq_pos_max)(LLAMACFFI_CTX, seq_id))
#if defined(UPSTREAM_llama_kv_self_can_shift) || defined(UPSTREAM_llama_kv_cache_can_shift)
LLAMACFFI_CALLS(bool, llama_memory_can_shift, (llama_memory_t mem), LLAMACFFI_KV(can_shift)(LLAMACFFI_CTX))
#endif
#endif

#undef LLAMACFFI_CALLS
#undef LLAMACFFI_KV
#undef LLAMACFFI_CTX
