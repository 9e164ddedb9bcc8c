// Compiled into libllama, with its internal headers.
#include "internal_context.h"

#include "llama-context.h"
#include "llama-graph.h"
#include "llama-model.h"

const struct ggml_cgraph * llamacffi_graph(const struct llama_context * ctx) {
    const llm_graph_result * made = ctx->get_gf_res_reserve();
    return made ? made->get_gf() : nullptr;
}

bool llamacffi_is_on_cpu(const struct llama_context * ctx, const struct ggml_tensor * node) {
    const ggml_backend_t backend = ggml_backend_sched_get_tensor_backend(ctx->get_sched(), const_cast<ggml_tensor *>(node));
    const ggml_backend_dev_t device = backend ? ggml_backend_get_device(backend) : nullptr;
    return !device || ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
}

// llama_memory_recurrent::llama_memory_recurrent
size_t llamacffi_state_size(const struct llama_model * model) {
    const llama_hparams & hparams = model->hparams;
    size_t size = 0;
    for (uint32_t il = 0; il < hparams.n_layer(); il++) {
        if (hparams.is_recr(il)) size += ((size_t) hparams.n_embd_r() + hparams.n_embd_s()) * sizeof(float);
    }
    return size;
}
