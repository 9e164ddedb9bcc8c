// Good for itself, but it needs one that is not.
#include "ggml-b.h"

int ggml_c(struct ggml_params * params);
