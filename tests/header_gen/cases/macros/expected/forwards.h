/* Generated from llama.cpp's headers by tools/header_gen. */
static const struct llamacffi_forward llamacffi_forwards[] = {
    {0, 0}
};
