/* What callbacks.py and logs.py call, and what is called of them; callbacks.hpp is for C++. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "ggml.h"
#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The C function of a type for a Callback, by its number; NULL if there is none, or none is left. */
void *llamacffi_trampoline(const char *type, int64_t callback);
bool llamacffi_is_callback_type(const char *type);

/* A Callback that was collected. */
void llamacffi_callback_gone(int64_t callback);

/* The number of the exception that a callback raised in this thread's latest call, 0 if none did; it is told once. */
int64_t llamacffi_exception(void);

/* What a callback returns negative, told by one that returns something else: the call fails with the exception. */
void llamacffi_raised(int64_t returned);

/* The thread on which Python handles signals, as Python knows it. */
void llamacffi_main_thread(unsigned long long id);

/* A sampler whose methods are a Callback's. */
struct llama_sampler *llamacffi_sampler(int64_t callback, const char *name, bool on_backend);

/* A copy of a text that free() ends, NULL if memory is short: mtmd wants one of a lazy bitmap. */
char *llamacffi_new_text(const char *text);

/* From now on, llama.cpp's log goes to Python. */
void llamacffi_start_log(void);

#ifdef __cplusplus
}
#endif
