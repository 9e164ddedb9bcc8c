// Compiled into libllama, with its internal headers.
#include "internal_llama.h"

#include "llama-model.h"

bool llamacffi_has_weights(const struct llama_model * model) {
    return !model->hparams.vocab_only && !model->hparams.no_alloc;
}

// llama_kv_cells::resize and, unless a device has the cache, llama_kv_cache::llama_kv_cache.
size_t llamacffi_cell_size(const struct llama_model * model, enum ggml_type type_k, enum ggml_type type_v) {
    const size_t account = sizeof(llama_pos) * 5 + LLAMA_MAX_SEQ / 8;
    const llama_hparams & hparams = model->hparams;
    if (!model->devices.empty() || llama_model_is_recurrent(model) || llama_model_is_hybrid(model) ||
        hparams.n_swa > 0) {
        return account;  // what the cache takes is not proportional to its cells, or taken elsewhere
    }
    size_t rows = 0;
    for (uint32_t il = 0; il < hparams.n_layer(); il++) {
        if (!hparams.has_kv(il)) continue;
        rows += hparams.n_embd_k_gqa(il) * ggml_type_size(type_k) / ggml_blck_size(type_k);
        if (!hparams.is_mla()) rows += hparams.n_embd_v_gqa(il) * ggml_type_size(type_v) / ggml_blck_size(type_v);
    }
    return account + rows;
}
