/* Part of our libllama, beside upstream's functions: what a backend's objects can do, and what a graph begins with. */
#pragma once

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a tensor's data can be read from its buffer, and written to it. A device that keeps weights in a layout of its
 * own gives none back, and takes only those that it has prepared. */
LLAMA_API bool llamacffi_can_get(const struct ggml_tensor * tensor);
LLAMA_API bool llamacffi_can_set(const struct ggml_tensor * tensor);

/* Whether the device can make a buffer of memory that is there. */
LLAMA_API bool llamacffi_can_map(const struct ggml_backend_device * device);

/* Whether the backend copies by itself, and not through the tensor's buffer. */
LLAMA_API bool llamacffi_copies(const struct ggml_backend * backend);

/* Whether the buffer stands for those of several devices: its addresses are none. */
LLAMA_API bool llamacffi_is_meta(struct ggml_backend_buffer * buffer);

/* A graph's leafs: its tensors that are not computed. */
LLAMA_API int llamacffi_n_leafs(const struct ggml_cgraph * graph);
LLAMA_API struct ggml_tensor * llamacffi_leaf(const struct ggml_cgraph * graph, int i);

#ifdef __cplusplus
}
#endif
