/* What a guard records of a failed call, as Python reads it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum llamacffi_error_kind {
    LLAMACFFI_ERROR_ARGUMENT = 1, /* a value that the function can't take */
    LLAMACFFI_ERROR_FREED,        /* a handle that is not alive, or may not be freed */
    LLAMACFFI_ERROR_BUSY,         /* a handle that another call is using */
    LLAMACFFI_ERROR_ASSERTION,    /* a failed assertion in llama.cpp */
    LLAMACFFI_ERROR_EXCEPTION,    /* a C++ exception */
    LLAMACFFI_ERROR_CALLBACK,     /* an exception in a Python callback */
    LLAMACFFI_ERROR_BACKEND,      /* a backend that is not there */
    LLAMACFFI_ERROR_ENDED,        /* the interpreter is ending */
    LLAMACFFI_ERROR_WORKER        /* an RPC worker that does not answer, or not as it should */
};

/* One failure; a string may be "". */
struct llamacffi_error {
    int kind;
    const char *function, *argument, *message, *native;
};

#ifndef __cplusplus
/* Not 0: the latest call of some thread failed, and nobody has asked about it. */
extern int llamacffi_pending;
#endif

/* Whether this thread's latest call failed; asking takes the mark away. */
bool llamacffi_failed(void);

/* This thread's latest failure, good until its next one; NULL if there was none. */
const struct llamacffi_error *llamacffi_last_error(void);

/* The warnings and errors that this thread's latest outermost call logged. */
const char *llamacffi_call_log(void);

/* Called back by backends.py: the running call needs a backend that is not there. */
void llamacffi_backend_missing(const char *message);

/* Called by rpc.py: the loss of an RPC worker fails the calls of the module whose llamacffi_rpc_set_hooks this is. */
void llamacffi_watch_workers(void *set_hooks);

/* Take a handle that did not come through a guard; `kind` is its C struct's name. Whether that is a kind of handle. */
bool llamacffi_adopt(const char *kind, void *handle);

/* Whether the handle was freed here, and nothing has come to be at its address since. */
bool llamacffi_is_freed(const char *kind, const void *handle);

/* A number that moves on when what the object has computed, or the object itself, is gone. It can be read for ever, and
 * goes on with the next object at the address; NULL if no such object is known. */
const uint32_t *llamacffi_version(const char *kind, const void *handle);

/* The interpreter is ending: callbacks enter Python no more, running calls are stopped and waited for, and
 * other threads' new calls fail. */
void llamacffi_end(void);

#ifdef __cplusplus
}
#endif
