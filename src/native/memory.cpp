#include "memory.hpp"

#include <cstdint>

#ifdef _WIN32
#include <windows.h>
#else
#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/uio.h>
#endif
#endif

namespace llamacffi {

#ifdef _WIN32

bool is_mapped(const void * begin, size_t size) {
    uintptr_t at = (uintptr_t) begin, end = at + size;
    if (end < at) return false;
    while (at < end) {
        MEMORY_BASIC_INFORMATION region;
        if (!VirtualQuery((const void *) at, &region, sizeof region) || region.State != MEM_COMMIT) return false;
        if (region.Protect & (PAGE_NOACCESS | PAGE_GUARD)) return false;
        at = (uintptr_t) region.BaseAddress + region.RegionSize;
    }
    return true;
}

#else

// Mapped may still mean reserved: the first and the last byte are read for a trial, by the kernel, where it does that.
static bool byte_is_readable(const void * at) {
#ifdef __linux__
    char byte;
    iovec local = {&byte, 1}, remote = {const_cast<void *>(at), 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 || errno != EFAULT;
#else
    (void) at;
    return true;
#endif
}

bool is_mapped(const void * begin, size_t size) {
    const uintptr_t from = (uintptr_t) begin, end = from + size;
    if (end < from || from == 0) return false;
    if (size == 0) return true;
    static const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    const uintptr_t first = from & ~(page - 1);
    // With MS_ASYNC the call does nothing but look for holes in the range.
    if (msync((void *) first, end - first, MS_ASYNC) != 0 && errno == ENOMEM) return false;
    return byte_is_readable(begin) && byte_is_readable((const char *) begin + size - 1);
}

#endif

}  // namespace llamacffi
