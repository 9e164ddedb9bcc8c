#include <stdbool.h>
#include <stdint.h>

#define LLAMA_WIDTH 5

struct llama_flags {
    uint32_t a : 1;           // the first bit
    uint32_t b : LLAMA_WIDTH + 2;
    int32_t  c : sizeof(int);
    uint32_t   : 0;
    uint8_t  d;
    unsigned e : 3, f : 6;
    unsigned   : 4;
    bool     g : 1;
    int64_t  h : 40;
    int16_t  i;
};

struct llama_nested {
    char first;
    struct {
        uint16_t low : 4;
        uint16_t high : 12;
        uint16_t whole;
    } part;
    union {
        uint8_t bit : 1;
        uint8_t byte;
    } parts[2];
};

// cffi has no way to say where the bit lies in these two.
struct llama_beside {
    struct { int64_t n; char c; };
    bool bit : 1;
};
struct llama_within {
    int n;
    struct { union { int m; unsigned bit : 1; }; } part[2];
};

struct llama_struct_beside {
    struct llama_nested nested;
    unsigned bit : 1;
};

int llama_get(struct llama_flags * flags, struct llama_beside by_value);
