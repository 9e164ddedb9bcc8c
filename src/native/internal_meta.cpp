// Compiled into libllama, with its internal headers.
#include "internal_backend.h"

#include "ggml-backend-impl.h"

bool llamacffi_is_meta(struct ggml_backend_buffer * buffer) { return ggml_backend_buffer_is_meta(buffer); }
