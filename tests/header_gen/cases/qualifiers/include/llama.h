#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

#ifdef __cplusplus
#    define LLAMA_RESTRICT
extern "C" {
#else
#    define LLAMA_RESTRICT restrict
#endif

#define LLAMA_API __attribute__ ((visibility ("default"))) extern

struct llama_flags {
    bool                     on;
    volatile int             changing;
    const char * const       name;
    volatile unsigned char * port;
    unsigned long long int   big;
    long unsigned            odd_order;
    signed char              tiny;
    long double              precise;
    _Bool                    plain;
    unsigned                 just;
    wchar_t                  wide;
};

LLAMA_API bool   llama_write(FILE * file, const char * LLAMA_RESTRICT text, int * __restrict n);
LLAMA_API FILE * llama_open(const char * const path, const int mode);
LLAMA_API const volatile int * llama_watch(volatile struct llama_flags * const flags);
LLAMA_API const bool llama_ready();
LLAMA_API long long llama_longs(unsigned long a, short int b, long int long unsigned c);

#ifdef __cplusplus
}
#endif
