#include <stdio.h>

// Writes like printf.
int llama_print(char * buffer, size_t size, const char * format, ...);

typedef void (*llama_printer)(const char * format, ...);

void llama_use(llama_printer printer);

// in a backend's module: a call can't be passed on to it
void llama_far(const char * format, ...);
