// Generated from llama.cpp's headers by tools/header_gen.
template <> const Kind KindOf<struct ggml_backend_buffer>::kind;
template <> const Kind KindOf<struct ggml_context>::kind;
template <> const Kind KindOf<struct ggml_tensor>::kind;
template <> const Kind KindOf<struct toy_context>::kind;
template <> const Kind KindOf<struct toy_model>::kind;
template <> const Kind KindOf<struct toy_sampler>::kind;
template <> const Kind KindOf<struct toy_thing>::kind;
template <> const Kind KindOf<struct toy_vocab>::kind;
