// These are llama.cpp's own: the guards are compiled with its header.
#include <stdbool.h>

struct ggml_context;
struct ggml_tensor;
struct ggml_backend_buffer;

bool                 ggml_is_empty(const struct ggml_tensor * tensor);
struct ggml_tensor * ggml_dup_tensor(struct ggml_context * ctx, const struct ggml_tensor * src);
