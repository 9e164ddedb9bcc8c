#include "llama.h"

int llama_get(struct llama_flags * flags) { return flags->c; }
