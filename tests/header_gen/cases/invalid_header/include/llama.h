#include "ggml.h"

int llama_take(enum ggml_kind kind);
