#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

struct llama_packed {
    char    c;
    int64_t n;
} __attribute__((packed));

#pragma pack(push, 2)
struct llama_packed_by_pragma {
    char    c;
    int32_t n;
};
#pragma pack(pop)

struct __attribute__((aligned(32))) llama_aligned {
    char c;
    alignas(16) char d;
    int  e __attribute__((aligned(8)));
    _Alignas(4) char f;
    _Static_assert(sizeof(int) == 4, "members (and \"this\") too");
};

static_assert(sizeof(struct llama_packed) == 9, "packed; as it should be");
_Static_assert(1, "");

typedef float llama_vec4 __attribute__((aligned(16)));

__extension__ typedef long long llama_long;

extern int llama_renamed(int n) __asm__("llama_symbol");
__attribute__((noreturn)) void llama_abort(const char * file, int line) __attribute__((format(printf, 1, 0)));
_Noreturn void llama_exit(void);
void * llama_get(struct llama_packed packed, __attribute__((unused)) int n) __attribute__((nonnull, warn_unused_result));
