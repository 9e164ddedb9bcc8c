#include <stddef.h>

typedef struct ggml_backend * ggml_backend_t;
typedef struct { float x, y; } ggml_point;

ggml_backend_t ggml_backend_cpu_init(void);
void           ggml_backend_cpu_set_n_threads(ggml_backend_t backend, int n_threads);
ggml_point     ggml_cpu_point(ggml_point point, const float values[2]);
void        (* ggml_cpu_handler(void (*handler)(int)))(int);
ggml_backend_t ggml_backend_cuda_init(int device);
ggml_backend_t ggml_backend_blas_init(void);
size_t         ggml_backend_load_count(void);
int            ggml_both(void);
