#include "files.h"

#ifdef _WIN32
#include <io.h>
#define dup _dup
#define close _close
#define fdopen _fdopen
#define fseeko _fseeki64
#else
#include <unistd.h>
#endif

extern "C" FILE * llamacffi_open_file(int descriptor, int64_t position) {
    const int own = dup(descriptor);
    if (own < 0) return nullptr;
    FILE * file = fdopen(own, "rb");
    if (!file) {
        close(own);
        return nullptr;
    }
    if (fseeko(file, position, SEEK_SET) == 0) return file;
    fclose(file);
    return nullptr;
}

extern "C" void llamacffi_close_file(FILE * file) { fclose(file); }
