#include "llama.h"

void llama_old(void) {}
