#include "llama.h"
#include "ggml-d.h"

int llama_take(enum ggml_kind kind) { return kind; }
int ggml_d(enum ggml_kind kind) { return kind; }
