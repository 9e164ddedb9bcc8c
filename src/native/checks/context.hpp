// Models whose weights no kernel takes.
#pragma once
#include <string>

#include "guard.hpp"
#include "ggml.hpp"
#include "internal_context.h"

namespace llamacffi {

// llama.cpp looks at the shapes of a model's weights, and leaves their types to the kernels, which abort on threads.
inline bool has_kernels(Call & call, const llama_context * ctx) {
    const ggml_cgraph * graph = llamacffi_graph(ctx);
    return !graph || each_computed(graph, [&](const ggml_tensor * node) {
        if (kernels::is_view(node) || ggml_is_empty(node) || kernels::take(node) || !llamacffi_is_on_cpu(ctx, node)) return true;
        std::string types;
        for (const ggml_tensor * source : node->src)
            if (source) types += (types.empty() ? " of " : " and ") + std::string(ggml_type_name(source->type));
        call.fail(LLAMACFFI_ERROR_ARGUMENT, "model", "damaged or of an unknown kind: the CPU has no kernel for " + said(node) + types);
        return false;
    });
}

// llama_init_from_model
inline llama_context * init_context(llama_model * model, llama_context_params params) {
    if (!fits_memory(params.n_seq_max, llamacffi_state_size(model))) {
        current().call()->fail(LLAMACFFI_ERROR_ARGUMENT, "params", "n_seq_max sequences of this model need more memory than there is");
        return nullptr;
    }
    llama_context * ctx = ::llama_init_from_model(model, params);
    if (!ctx || has_kernels(*current().call(), ctx)) return ctx;
    ::llama_free(ctx);
    return nullptr;
}

}  // namespace llamacffi
