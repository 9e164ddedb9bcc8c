/* Python's files as C's. */
#pragma once
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A stream of its own over an open file, to be read from a position on; NULL and errno if it can't be. */
FILE *llamacffi_open_file(int descriptor, int64_t position);
void llamacffi_close_file(FILE *file);

#ifdef __cplusplus
}
#endif
