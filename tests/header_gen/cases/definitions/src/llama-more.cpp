extern "C" {
#include "llama.h"
}

int llama_const(int n) {
    return n;
}
