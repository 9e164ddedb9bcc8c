#include "llama.h"

enum llama_kind llama_next(enum llama_kind kind, llama_tag tag, llama_kind_t * where) {
    *where = kind;
    return tag == LLAMA_TAG_UNSIGNED ? kind + 1 : LLAMA_KIND_NONE;
}
