// Compiled into libllama, with its internal headers.
#include "internal_context.h"

#include "llama-model.h"

// llama_memory_recurrent::llama_memory_recurrent
size_t llamacffi_state_size(const struct llama_model * model) {
    const llama_hparams & hparams = model->hparams;
    size_t size = 0;
    for (uint32_t il = 0; il < hparams.n_layer(); il++) {
        if (hparams.is_recr(il)) size += ((size_t) hparams.n_embd_r() + hparams.n_embd_s()) * sizeof(float);
    }
    return size;
}
