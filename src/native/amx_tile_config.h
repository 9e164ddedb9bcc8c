// Included before every C++ source of the CPU backend, for GCC.
//
// GCC's _tile_loadconfig tells the optimizer of 8 of the 64 bytes that the instruction reads. ggml fills the
// configuration just before, and the rest of it is optimized away: the next tile instruction is then illegal.
#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

static inline void llamacffi_tile_loadconfig(const void * config) {
    __asm__ volatile("ldtilecfg %0" ::"m"(*(const char(*)[64]) config));
}
#define _tile_loadconfig llamacffi_tile_loadconfig
#endif
