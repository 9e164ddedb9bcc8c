/* Part of our libllama, beside upstream's functions: what decides whether a call can be right, and what no public
 * function tells. */
#pragma once

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the model has its weights: one that was loaded with vocab_only or no_alloc has none to compute with. */
LLAMA_API bool llamacffi_has_weights(const struct llama_model * model);

/* How many positions the model has embeddings for; INT32_MAX if it computes them. */
LLAMA_API int32_t llamacffi_n_positions(const struct llama_model * model);

/* The bytes in main memory that each cell of a context's cache takes at least. */
LLAMA_API size_t llamacffi_cell_size(const struct llama_model * model, enum ggml_type type_k, enum ggml_type type_v);

/* Whether every weight that training could change may be written: those of a mapped file can't be. */
LLAMA_API bool llamacffi_can_train(const struct llama_model * model);

/* The model that an adapter was loaded for; NULL if that can't be told. */
LLAMA_API const struct llama_model * llamacffi_model_of_adapter(const struct llama_adapter_lora * adapter);

/* The lowest and the highest position in a batch; false if it is empty. */
LLAMA_API bool llamacffi_positions(const struct llama_batch_ext * batch, llama_pos * lowest, llama_pos * highest);

#ifdef __cplusplus
}
#endif
