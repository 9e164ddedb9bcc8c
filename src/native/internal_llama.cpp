// Compiled into libllama, with its internal headers.
#include "internal_llama.h"

#include "llama-adapter.h"
#include "llama-batch.h"
#include "llama-model.h"

#include <algorithm>
#include <cstring>
#include <limits>

bool llamacffi_has_weights(const struct llama_model * model) {
    return !model->hparams.vocab_only && !model->hparams.no_alloc;
}

int32_t llamacffi_n_positions(const struct llama_model * model) {
    return model->pos_embd ? (int32_t) model->pos_embd->ne[1] : std::numeric_limits<int32_t>::max();
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

bool llamacffi_can_train(const struct llama_model * model) {
    return std::none_of(model->tensors_by_name.begin(), model->tensors_by_name.end(), [](const auto & entry) {
        const struct ggml_tensor * tensor = entry.second;
        return tensor->type == GGML_TYPE_F32 && tensor->buffer &&
            std::strstr(ggml_backend_buffer_name(tensor->buffer), "_Mapped");
    });
}

const struct llama_model * llamacffi_model_of_adapter(const struct llama_adapter_lora * adapter) {
    return adapter->model;
}

bool llamacffi_positions(const struct llama_batch_ext * batch, llama_pos * lowest, llama_pos * highest) {
    if (batch->tokens.empty()) return false;
    const auto is_before = [](const auto & a, const auto & b) { return a.pos[0] < b.pos[0]; };
    const auto [low, high] = std::minmax_element(batch->tokens.begin(), batch->tokens.end(), is_before);
    *lowest = low->pos[0];
    *highest = high->pos[0];
    return true;
}
