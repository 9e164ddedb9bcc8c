#include "ggml-cpu.h"

ggml_backend_t ggml_backend_cpu_init(void) { return NULL; }
void ggml_backend_cpu_set_n_threads(ggml_backend_t backend, int n_threads) { (void) backend; (void) n_threads; }
ggml_point ggml_cpu_point(ggml_point point, const float values[2]) { point.x += values[0]; return point; }
void (*ggml_cpu_handler(void (*handler)(int)))(int) { return handler; }
int ggml_both(void) { return 2; }
