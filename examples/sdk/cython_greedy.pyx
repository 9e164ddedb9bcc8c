# cython: language_level=3
"""greedy.h for Python; a model comes and goes as an address.

The GIL is released for llama.cpp: it takes its time, and its log enters Python, from whichever thread writes to it.
"""

from libc.stdint cimport uintptr_t


cdef extern from "ggml-backend.h" nogil:
    void ggml_backend_load_all()


cdef extern from "greedy.h" nogil:
    ctypedef int llama_token
    struct llama_model:
        pass
    struct llama_model_params:
        pass
    llama_model_params llama_model_default_params()
    llama_model *llama_model_load_from_file(const char *path, llama_model_params params)
    int greedy(llama_model *model, const char *prompt, llama_token *tokens, int n)


def load(bytes path):
    """Load a model; its address, 0 if llama.cpp can't."""
    cdef const char *file = path
    cdef llama_model *model
    with nogil:
        ggml_backend_load_all()
        model = llama_model_load_from_file(file, llama_model_default_params())
    return <uintptr_t>model


def continuation(uintptr_t model, bytes prompt):
    """The 8 likeliest tokens behind a prompt."""
    cdef const char *text = prompt
    cdef llama_token tokens[8]
    cdef int n
    with nogil:
        n = greedy(<llama_model *>model, text, tokens, 8)
    return [tokens[i] for i in range(n)]
