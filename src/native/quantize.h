/* llama_model_quantize, which says how far it is, and stops. */
#pragma once
#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Before each tensor, `progress` gets the part of them that is done; if it returns false, the work is stopped there and
 * fails, as by a signal in Python. */
uint32_t llamacffi_quantize(const char *fname_inp, const char *fname_out, const llama_model_quantize_params *params,
    llama_progress_callback progress, void *user_data);

#ifdef __cplusplus
}
#endif
