#include "llama.h"

#include <stdlib.h>

int llama_renamed(int n) { return n + 1; }
void llama_abort(const char * file, int line) { exit(file ? line : 1); }
void llama_exit(void) { exit(1); }
void * llama_get(struct llama_packed packed, int n) { return packed.n ? malloc(n) : NULL; }
