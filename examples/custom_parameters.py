"""Parameters are C structs: take the defaults, change fields, pass them on by value.

The environment variable MODEL has the path of a GGUF file.
"""

import os

import llamacffi as llama

model_params = llama.llama_model_default_params()
model_params.n_gpu_layers = 0
model_params.load_mode = llama.LLAMA_LOAD_MODE_MMAP
model_params.check_tensors = True

context_params = llama.llama_context_default_params()
context_params.n_ctx = 4096
context_params.n_batch = 512
context_params.n_threads = context_params.n_threads_batch = 2

llama.llama_backend_init()
model = llama.llama_model_load_from_file(os.environb[b"MODEL"], model_params)
if not model:
    raise SystemExit("the model can't be loaded")
context = llama.llama_new_context_with_model(model, context_params)
if not context:
    raise SystemExit("there is no memory for such a context")
print(f"context: {llama.llama_n_ctx(context)} tokens, asked for {context_params.n_ctx}")
print(f"batch: {llama.llama_n_batch(context)} tokens, asked for {context_params.n_batch}")
print(f"threads: {llama.llama_n_threads(context)}")
print(f"embedding: {llama.llama_n_embd(model)} dimensions")
llama.llama_free(context)
llama.llama_model_free(model)
llama.llama_backend_free()
