#include "ggml.h"

struct ggml_params { int n; };

// C++ lets the keyword out.
void ggml_b(ggml_params * params);
