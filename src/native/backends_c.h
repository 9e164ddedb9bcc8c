/* What forwards.h calls and the extension's other files share of the backends. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* A function that forwards.h stands in for, and the module that has it: "" for one in the core libraries that
 * only wants the backends to be loaded. */
struct llamacffi_forward {
    const char *name, *module;
};

/* Set by backends.py; once it is, a call costs one look at it. */
extern int llamacffi_backends_loaded;

/* extern "Python": load the backends; 0 if that failed, which has been recorded. */
int llamacffi_load_backends(void);

/* extern "Python": a function in a backend's module; NULL if there is none, which has been recorded. */
void *llamacffi_find(const char *module, const char *name);

/* The module that has this function, "" if it is in the core and wants the backends, NULL if it is just a function. */
const char *llamacffi_module_of(const char *name);

#ifdef __cplusplus
}
#endif
