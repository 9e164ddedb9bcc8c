#include "llama.h"

llama_long llama_take(llama_untagged u, llama_untagged_p up, llama_later later, llama_fixed_point * fixed) {
    up->b = u.b;
    return later.id + fixed->x;
}

llama_side llama_turn(llama_side side) { return side == LLAMA_LEFT ? LLAMA_RIGHT : LLAMA_LEFT; }
llama_side llama_other(llama_bits bits) { return bits.i ? LLAMA_LEFT : LLAMA_RIGHT; }
