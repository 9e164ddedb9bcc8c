/* cc greedy.c $(python -m llamacffi --cflags --libs) -o greedy && ./greedy model.gguf "Once upon a time" */
#include <stdio.h>

#include "ggml-backend.h"
#include "greedy.h"

int main(int argc, char **argv) {
    llama_token tokens[8];
    struct llama_model *model;
    int i, n;

    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL PROMPT\n", argv[0]);
        return 2;
    }
    ggml_backend_load_all(); /* finds the modules in the package */
    model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (!model) return 1;
    n = greedy(model, argv[2], tokens, 8);
    for (i = 0; i < n; i++) printf("%d\n", tokens[i]);
    llama_model_free(model);
    return n < 0;
}
