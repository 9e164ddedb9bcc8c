enum ggml_kind { GGML_KIND_A, ... };
int llama_take(enum ggml_kind kind);
int ggml_d(enum ggml_kind kind);
