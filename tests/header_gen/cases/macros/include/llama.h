#ifndef LLAMA_H
#define LLAMA_H

#include <float.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define LLAMA_ONE 1
#define LLAMA_NEGATIVE -5
#define LLAMA_HEX 0x67676c61u // 'ggla'
#define LLAMA_HIGH 0xFFFFFFFFFFFFFFFFull
#define LLAMA_LOW INT64_MIN
#define LLAMA_SUM (LLAMA_ONE + 2 * LLAMA_LATER)
#define LLAMA_LATER 40
#define LLAMA_CAST ((uint32_t) -1)
#define LLAMA_SIZE sizeof(struct llama_pair)
#define LLAMA_TERNARY (LLAMA_ONE ? -1 : 1)
#define LLAMA_CHAR 'a'
#define LLAMA_NEWLINE '\n'
#define LLAMA_TRUE true
#define LLAMA_FROM_ENUM LLAMA_VALUE
#define LLAMA_CALLED LLAMA_DOUBLED(21)

#define LLAMA_REAL 0.5
#define LLAMA_FLOAT 1.5e-3f
#define LLAMA_NEGATIVE_REAL (-FLT_MAX)
#define LLAMA_INFINITE __builtin_inff()

#define LLAMA_TEXT "text" /* a text */
#define LLAMA_JOINED "a" LLAMA_TEXT "\n\x01" "c"
#define LLAMA_UNBALANCED_TEXT "(;"
#define LLAMA_QUOTES ("say \"it\"")
#define LLAMA_NOT_ASCII "\u00e4"
#define LLAMA_URL "https://example.org/a//b" // behind an address
#define LLAMA_EMPTY_TEXT ""

// Long, over two lines.
#define LLAMA_LONG \
    (1 + \
     2)

#define LLAMA_REDEFINED 1
#undef LLAMA_REDEFINED
#define LLAMA_REDEFINED 2
#define LLAMA_UNDEFINED 3
#undef LLAMA_UNDEFINED

// Not values:
#define LLAMA_EMPTY
#define LLAMA_DOUBLED(x) ((x) * 2)
#define LLAMA_NOTHING()
#define LLAMA_TYPE uint16_t
#define LLAMA_QUALIFIER const
#define LLAMA_ATTRIBUTE __attribute__((unused))
#define LLAMA_ALIAS llama_old
#define LLAMA_OPEN (
#define LLAMA_OPENS LLAMA_OPEN 1
#define LLAMA_STATEMENT do_this(); do_that()
#define LLAMA_NULL ((const char *) 0)
#define LLAMA_POINTER ((void *) 16)
#define LLAMA_ADDRESS (&llama_old)
#define LLAMA_UNKNOWN (never_declared + 1)
#define LLAMA_STRUCT ((struct llama_pair) { 1, 2 })
#define LLAMA_WIDE_TEXT L"wide"

struct llama_pair { int a, b; };

enum { LLAMA_VALUE = 11 };

void llama_old(void);

#endif // LLAMA_H
