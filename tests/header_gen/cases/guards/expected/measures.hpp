// Generated from llama.cpp's headers by tools/header_gen.
MEASURE(toy_default_params, struct toy_params, last, written(toy_default_params))
MEASURE(toy_params_for, struct toy_params, last, written(toy_params_for, 1))
