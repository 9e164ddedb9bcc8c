"""Load a model, make a context, ask both what they are, and give back what C gave out.

The environment variable MODEL has the path of a GGUF file.
"""

import os

import llamacffi as llama

llama.llama_backend_init()
model = context = None
try:
    model = llama.llama_model_load_from_file(os.environb[b"MODEL"], llama.llama_model_default_params())
    if not model:
        raise SystemExit("the model can't be loaded")
    context = llama.llama_new_context_with_model(model, llama.llama_context_default_params())
    if not context:
        raise SystemExit("there is no memory for a context")
    print(f"context: {llama.llama_n_ctx(context)} tokens")
    print(f"embedding: {llama.llama_n_embd(model)} dimensions")
finally:
    # Not every C function takes NULL: free only what is there, the context before its model.
    if context:
        llama.llama_free(context)
    if model:
        llama.llama_model_free(model)
    llama.llama_backend_free()
