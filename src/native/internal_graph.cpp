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
