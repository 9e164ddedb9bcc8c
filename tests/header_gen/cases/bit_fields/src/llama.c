#include "llama.h"

int llama_get(struct llama_flags * flags, struct llama_beside by_value) { return flags->c + by_value.bit; }
