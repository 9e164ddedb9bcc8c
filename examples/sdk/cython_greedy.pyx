# cython: language_level=3
"""greedy.h for Python; a model comes and goes as an address."""

from libc.stdint cimport uintptr_t


cdef extern from "ggml-backend.h":
    void ggml_backend_load_all()


cdef extern from "greedy.h":
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
    ggml_backend_load_all()
    return <uintptr_t>llama_model_load_from_file(path, llama_model_default_params())


def continuation(uintptr_t model, bytes prompt):
    """The 8 likeliest tokens behind a prompt."""
    cdef llama_token tokens[8]
    n = greedy(<llama_model *>model, prompt, tokens, 8)
    return [tokens[i] for i in range(n)]
