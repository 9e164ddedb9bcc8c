#include "ggml.h"

int ggml_d(enum ggml_kind kind);
