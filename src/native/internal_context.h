/* Part of our libllama, beside upstream's functions: what a context is going to compute. */
#pragma once

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The graph that a new context has made room for: every operation of the model, on as many tokens as it takes at once.
 * NULL if it has made none. */
LLAMA_API const struct ggml_cgraph * llamacffi_graph(const struct llama_context * ctx);

/* Whether the CPU is to compute this node of it. */
LLAMA_API bool llamacffi_is_on_cpu(const struct llama_context * ctx, const struct ggml_tensor * node);

/* The bytes of state that a recurrent model keeps for each sequence. */
LLAMA_API size_t llamacffi_state_size(const struct llama_model * model);

#ifdef __cplusplus
}
#endif
