// Compiled into libllama, with its internal headers.
#include "internal_llama.h"

#include "llama-adapter.h"

const struct llama_model * llamacffi_model_of_adapter(const struct llama_adapter_lora * adapter) {
    return adapter->model;
}
