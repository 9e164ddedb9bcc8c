#include "llama.h"

int32_t llama_after(void) { return llama_round(5, 4) + llama_twice(1); }
