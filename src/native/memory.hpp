// Whether memory may be read.
#pragma once
#include <cstddef>

namespace llamacffi {

// Whether all of this range is mapped, by a system call.
bool is_mapped(const void * begin, size_t size);

// Whether a range that a caller speaks of can be right. Only a large one is worth a system call.
inline bool readable(const void * begin, size_t size) { return size <= 65536 || is_mapped(begin, size); }
inline bool writable(void * begin, size_t size) { return readable(begin, size); }

}  // namespace llamacffi
