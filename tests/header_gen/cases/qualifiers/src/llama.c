#include "llama.h"

bool llama_write(FILE * file, const char * restrict text, int * restrict n) {
    *n = fputs(text, file);
    return *n >= 0;
}

FILE * llama_open(const char * const path, const int mode) { return fopen(path, mode ? "wb" : "rb"); }

const volatile int * llama_watch(volatile struct llama_flags * const flags) { return &flags->changing; }

const bool llama_ready() { return true; }

long long llama_longs(unsigned long a, short int b, long int long unsigned c) { return (long long)(a + b + c); }
