#pragma once
#include <time.h>

// A part, declared in a header that is not public itself.
typedef struct { int n; } llama_part;

#define LLAMA_PARTS 3 // how many

struct timespec;

int llama_part_use(llama_part part);
void llama_sleep(const struct timespec * how_long);
