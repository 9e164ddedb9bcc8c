// Where a backend was in 2024: a file beside the core's.
#include "ggml-cpu.h"

ggml_backend_t ggml_backend_blas_init(void) { return NULL; }
