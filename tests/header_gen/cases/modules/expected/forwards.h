/* Generated from llama.cpp's headers by tools/header_gen. */
static ggml_backend_t llamacffi_forward_ggml_backend_blas_init(void) {
    static ggml_backend_t (*function)(void);
    if (!function && !(function = (ggml_backend_t (*)(void))llamacffi_find("blas", "ggml_backend_blas_init"))) { ggml_backend_t failed; memset(&failed, 0, sizeof failed); return failed; }
    return function();
}
#define ggml_backend_blas_init llamacffi_forward_ggml_backend_blas_init
static ggml_backend_t llamacffi_forward_ggml_backend_cpu_init(void) {
    static ggml_backend_t (*function)(void);
    if (!function && !(function = (ggml_backend_t (*)(void))llamacffi_find("cpu", "ggml_backend_cpu_init"))) { ggml_backend_t failed; memset(&failed, 0, sizeof failed); return failed; }
    return function();
}
#define ggml_backend_cpu_init llamacffi_forward_ggml_backend_cpu_init
static void llamacffi_forward_ggml_backend_cpu_set_n_threads(ggml_backend_t a0, int a1) {
    static void (*function)(ggml_backend_t backend, int n_threads);
    if (!function && !(function = (void (*)(ggml_backend_t backend, int n_threads))llamacffi_find("cpu", "ggml_backend_cpu_set_n_threads"))) { return; }
    function(a0, a1);
}
#define ggml_backend_cpu_set_n_threads llamacffi_forward_ggml_backend_cpu_set_n_threads
static ggml_backend_t llamacffi_forward_ggml_backend_cuda_init(int a0) {
    static ggml_backend_t (*function)(int device);
    if (!function && !(function = (ggml_backend_t (*)(int device))llamacffi_find("cuda,hip,musa", "ggml_backend_cuda_init"))) { ggml_backend_t failed; memset(&failed, 0, sizeof failed); return failed; }
    return function(a0);
}
#define ggml_backend_cuda_init llamacffi_forward_ggml_backend_cuda_init
static void (*llamacffi_forward_ggml_cpu_handler(void (*a0)(int)))(int) {
    static void (*(*function)(void (*handler)(int)))(int);
    if (!function && !(function = (void (*(*)(void (*handler)(int)))(int))llamacffi_find("cpu", "ggml_cpu_handler"))) { void (*failed)(int); memset(&failed, 0, sizeof failed); return failed; }
    return function(a0);
}
#define ggml_cpu_handler llamacffi_forward_ggml_cpu_handler
static ggml_point llamacffi_forward_ggml_cpu_point(ggml_point a0, const float *a1) {
    static ggml_point (*function)(ggml_point point, const float *values);
    if (!function && !(function = (ggml_point (*)(ggml_point point, const float *values))llamacffi_find("cpu", "ggml_cpu_point"))) { ggml_point failed; memset(&failed, 0, sizeof failed); return failed; }
    return function(a0, a1);
}
#define ggml_cpu_point llamacffi_forward_ggml_cpu_point
static struct llama_model *llamacffi_forward_llama_model_load_from_file(const char *a0) {
    if (!(llamacffi_backends_loaded || llamacffi_load_backends())) { struct llama_model *failed; memset(&failed, 0, sizeof failed); return failed; }
    return llama_model_load_from_file(a0);
}
#define llama_model_load_from_file llamacffi_forward_llama_model_load_from_file
static bool llamacffi_forward_llama_supports_rpc(void) {
    if (!(llamacffi_backends_loaded || llamacffi_load_backends())) { bool failed; memset(&failed, 0, sizeof failed); return failed; }
    return llama_supports_rpc();
}
#define llama_supports_rpc llamacffi_forward_llama_supports_rpc
static const struct llamacffi_forward llamacffi_forwards[] = {
    {"ggml_backend_blas_init", "blas"},
    {"ggml_backend_cpu_init", "cpu"},
    {"ggml_backend_cpu_set_n_threads", "cpu"},
    {"ggml_backend_cuda_init", "cuda,hip,musa"},
    {"ggml_cpu_handler", "cpu"},
    {"ggml_cpu_point", "cpu"},
    {"llama_model_load_from_file", ""},
    {"llama_supports_rpc", ""},
    {0, 0}
};
