// Only read, to see what there is.
bool ggml_is_empty(const struct ggml_tensor * tensor) { return !tensor; }
struct ggml_tensor * ggml_dup_tensor(struct ggml_context * ctx, const struct ggml_tensor * src) { return 0; }
