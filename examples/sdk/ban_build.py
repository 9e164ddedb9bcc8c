"""A cffi module that includes llamacffi and adds a sampler in C: python ban_build.py"""

from cffi import FFI

import llamacffi

ffi = FFI()
ffi.include(llamacffi.ffi_builder())
ffi.cdef("""
    struct llama_sampler *ban(llama_token token);
    int ban_count(const struct llama_sampler *sampler);
""")
ffi.set_source(
    "ban",
    r"""
    #include <math.h>
    #include <stdlib.h>
    #include "llamacffi.h"

    struct ban { llama_token token; int count; };

    static const char *ban_name(const struct llama_sampler *sampler) { return "ban"; }

    static void ban_apply(struct llama_sampler *sampler, llama_token_data_array *candidates) {
        struct ban *self = (struct ban *)sampler->ctx;
        size_t i;
        for (i = 0; i < candidates->size; i++)
            if (candidates->data[i].id == self->token) candidates->data[i].logit = -INFINITY;
        self->count++;
    }

    static void ban_free(struct llama_sampler *sampler) { free(sampler->ctx); }

    static struct llama_sampler_i ban_interface = {.name = ban_name, .apply = ban_apply, .free = ban_free};

    /* A sampler that never lets this token be chosen. */
    static struct llama_sampler *ban(llama_token token) {
        struct ban *self = (struct ban *)malloc(sizeof *self);
        self->token = token;
        self->count = 0;
        return llama_sampler_init(&ban_interface, self);
    }

    /* How often it was asked. */
    static int ban_count(const struct llama_sampler *sampler) { return ((struct ban *)sampler->ctx)->count; }
    """,
    **llamacffi.extension_options(),
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
