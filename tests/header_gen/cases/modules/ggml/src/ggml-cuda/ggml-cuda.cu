#include "ggml-cpu.h"

ggml_backend_t ggml_backend_cuda_init(int device) { return device < 0 ? NULL : ggml_backend_cpu_init(); }
