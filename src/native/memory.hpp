// Whether memory may be read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace llamacffi {

// Whether all of this range is mapped, by a system call.
bool is_mapped(const void * begin, size_t size);

// Whether a range that a caller speaks of can be right. Only a large one is worth a system call.
inline bool readable(const void * begin, size_t size) { return size <= 65536 || is_mapped(begin, size); }
inline bool writable(void * begin, size_t size) { return readable(begin, size); }

// Whether there can be so many elements at an address; of `void *`, bytes.
template <class T, class N> bool has_elements(const T * begin, N count) {
    constexpr size_t size = sizeof(std::conditional_t<std::is_void<T>::value, char, T>);
    return count >= 0 && (uintmax_t) count <= SIZE_MAX / size && readable(begin, (size_t) count * size);
}

}  // namespace llamacffi
