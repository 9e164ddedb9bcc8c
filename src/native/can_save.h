/* Part of our libllama, beside upstream's functions: what llama_model_save_to_file leaves the caller to know. */
#pragma once

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether every weight of the model can be read back. Those that a device keeps in a layout of its own can't be, and
 * llama_model_save_to_file would crash on them. */
LLAMA_API bool llamacffi_can_save(const struct llama_model * model);

#ifdef __cplusplus
}
#endif
