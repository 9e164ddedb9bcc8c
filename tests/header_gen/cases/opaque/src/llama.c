#include "llama.h"

struct llama_model { int n; };

struct llama_model * llama_open(const char * path) {
    static struct llama_model model;
    model.n = path != 0;
    return &model;
}

llama_context * llama_start(struct llama_model * model, union llama_secret * secret, llama_hidden_t hidden) {
    return model && secret ? (llama_context *) hidden : 0;
}

void llama_finish(llama_context * context, struct llama_later later) { later.user.unseen = (void *) context; }
