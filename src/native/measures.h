/* What the loaded library can be compared by with the one that the extension was compiled for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct llamacffi_measure {
    const char *function, *record; /* NULL: no such index */
    size_t size, loaded;           /* as compiled; what the function has written of it */
};

/* What the library that this was compiled for told of itself: "ggml_commit 0c1e57098, …". */
const char *llamacffi_told(void);

/* Measure the struct with this index; whether the library has another size for it than this was compiled with. */
bool llamacffi_differs(int index, struct llamacffi_measure *measure);

#ifdef __cplusplus
}
#endif
