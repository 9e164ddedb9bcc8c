// Included before llama-grammar.cpp: what its parser says of a grammar goes where llama.cpp's other messages go, and
// not straight to standard error, so that it is the reason of the call that fails.
#pragma once
#include <cstdio>

#include "llama-impl.h"

#define fprintf(file, ...) \
    ((file) == stderr ? llama_log_internal(GGML_LOG_LEVEL_ERROR, __VA_ARGS__) : (void) (fprintf)(file, __VA_ARGS__))
