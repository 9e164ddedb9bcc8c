#pragma once

// What a thing is.
enum llama_kind {
    LLAMA_KIND_NONE = -1, // no thing
    LLAMA_KIND_A,
    LLAMA_KIND_B    = 1 << 4,
    LLAMA_KIND_C    = (LLAMA_KIND_B | 3) * 2,
    LLAMA_KIND_CHAR = 'x',
    LLAMA_KIND_SIZE = sizeof(int) + LLAMA_KIND_CHAR,
    LLAMA_KIND_LAST,
};

// glibc's way to let #ifdef ask for an enumerator: it stays one constant
#define LLAMA_KIND_NONE LLAMA_KIND_NONE

enum { LLAMA_UNNAMED = 7, LLAMA_UNNAMED_NEXT };

typedef enum { LLAMA_X, LLAMA_Y = 0x7fffffff } llama_xy;

typedef enum llama_tag {
    LLAMA_TAG_UNSIGNED = 0xffffffffu,
} llama_tag;

enum llama_wide { LLAMA_WIDE_LOW = -2, LLAMA_WIDE_HIGH = 0x100000000 };

typedef enum llama_kind llama_kind_t;

struct llama_thing {
    enum llama_state { LLAMA_STATE_OFF, LLAMA_STATE_ON } state, * other;
    llama_tag tag;
    llama_xy  xy;
    enum { LLAMA_INSIDE = 6 };
};

enum llama_kind llama_next(enum llama_kind kind, llama_tag tag, llama_kind_t * where);
