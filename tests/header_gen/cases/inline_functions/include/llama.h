#include <stdint.h>

// Rounds up.
static inline int32_t llama_round(int32_t n, int32_t to) {
    // a comment of its own; with brackets } and { too
    const char * text = "}";
    const char brace = '{';
    if (n % to) {
        n += to - n % to;
    }
    return n + (text[0] == brace);
} // behind the body

int32_t llama_after(void); // not the body's

static int32_t llama_twice(int32_t n) __attribute__((unused));
static int32_t llama_twice(int32_t n) { return 2 * n; }

inline __attribute__((always_inline)) static int32_t llama_thrice(int32_t n)
{
    return 3 * n;
}
