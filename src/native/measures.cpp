// How large structs are in the library that was loaded, which need not be the one whose headers this was compiled with.
#include "measures.h"

#include <cstddef>
#include <initializer_list>
#include <new>

#include "api.h"
#include "told.h"

namespace {

// Takes the place of the struct that a function returns: larger than any of them will be, and with a destructor, so that
// it is returned through a pointer, as the struct is.
struct Room {
    unsigned char bytes[4096];
    Room(const Room &) = delete;
    ~Room() {}
};

// What a function has written: the number of bytes up to the last one that does not keep what was there before.
template <class Result, class... Parameters, class... Arguments>
size_t written(Result (*function)(Parameters...), Arguments... arguments) {
    const auto call = reinterpret_cast<Room (*)(Parameters...)>(function);
    size_t end = 0;
    for (const unsigned char pattern : {0x5a, 0xa5}) {
        alignas(64) unsigned char memory[sizeof(Room)];
        volatile unsigned char * const filled = memory;
        for (size_t i = 0; i < sizeof memory; i++) filled[i] = pattern;
        new (memory) Room(call(arguments...));
        size_t last = sizeof memory;
        while (last && filled[last - 1] == pattern) last--;
        if (last > end) end = last;
    }
    return end;
}

struct Measure {
    llamacffi_measure known;
    size_t least;  // without the padding behind the last member
    size_t (*written)();
};

#define MEASURE(function, record, last, measured)                    \
    {{#function, #record, sizeof(record), 0},                        \
        offsetof(record, last) + sizeof(((record *) nullptr)->last), \
        [] { return measured; }},
const Measure measures[] = {
#include "measures.hpp"
    {{nullptr, nullptr, 0, 0}, 0, nullptr},
};
#undef MEASURE

}  // namespace

const char * llamacffi_told(void) { return LLAMACFFI_TOLD; }

bool llamacffi_differs(int index, struct llamacffi_measure * measure) {
    const Measure & each = measures[index];
    *measure = each.known;
    if (!each.written) return false;
    measure->loaded = each.written();
    return measure->loaded < each.least || measure->loaded > each.known.size;
}
