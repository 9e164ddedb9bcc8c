#include "llama.h"

struct llama_outer * llama_step(struct llama_outer * outer, union llama_any any, struct llama_named by_value) {
    outer->first = any.bytes[0];
    outer->number = by_value.n;
    return outer->next;
}

struct llama_inner llama_make(char c, double d) {
    struct llama_inner made = { c, d };
    return made;
}
