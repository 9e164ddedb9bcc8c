#include "llama.h"

#include <stdarg.h>

int llama_print(char * buffer, size_t size, const char * format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(buffer, size, format, arguments);
    va_end(arguments);
    return n;
}

void llama_use(llama_printer printer) { printer("%d", 1); }
