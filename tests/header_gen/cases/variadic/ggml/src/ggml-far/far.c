#include "llama.h"

void llama_far(const char * format, ...) { (void)format; }
