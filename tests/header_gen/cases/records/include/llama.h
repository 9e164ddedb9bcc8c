#include <stdint.h>

struct llama_inner { char c; double d; };

struct llama_outer {
    uint8_t first;
    union {                     // which of the two, flags tells
        int32_t number;
        float   real;
        struct {
            int16_t low;
            int16_t high;
        };
    };
    struct {
        uint8_t r, g, b;
    } pixels[2][3];             // two rows
    struct {
        int32_t id;
        union { int64_t whole; struct { int32_t a; struct { int8_t x; } deep[2]; } parts; } value;
    } nested;
    struct llama_inner   inner;
    struct llama_inner   inners[2];
    struct llama_named { int n; } named;
    union llama_either { int i; double d; char text[5]; } either;
    struct llama_outer * next;
    const struct llama_inner * const * fixed;
};

union llama_any {
    struct llama_inner inner;
    char bytes[20];
};

// In an array of unnamed ones a struct's layout would have to be left to the compiler: cffi can't.
struct llama_unnamed_items {
    struct { struct llama_inner inner; int n; } items[2];
};

// A size that no member shows.
struct llama_flexible {
    int32_t n;
    float   data[];
};

struct llama_outer * llama_step(struct llama_outer * outer, union llama_any any, struct llama_named by_value);
struct llama_inner   llama_make(char c, double d);
