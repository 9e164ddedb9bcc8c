// Which handles live: every object that came out of a guard, by address and kind.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ggml.h"

namespace llamacffi {

class Call;
struct Thread;

// One kind of handle: an opaque C struct.
struct Kind {
    const char * name;
    bool strict;  // whether an address that never came out of a guard is refused
    bool shared;  // whether threads may use one object at once
};

template <class T> struct KindOf { static const Kind kind; };
#include "kinds.hpp"

extern const Kind * const all_kinds[];

// The account of one object. It outlives the object: a later object of the kind at the address takes it over.
struct Entry {
    const void * address = nullptr;
    const Kind * kind = nullptr;
    std::atomic<bool> alive{false};
    std::atomic<uint32_t> pins{0};            // calls that use the object, beside the one that has it locked
    std::atomic<Thread *> locked_by{nullptr};
    const Call * holder = nullptr;            // the call that took the lock; its thread's to read
    std::atomic<Entry *> owner{nullptr};      // what frees this object: it is a part of it
    bool orphan = false;                      // what it uses is gone: it may only be freed
    // Moves on whenever what the object has computed, or the object itself, is gone: views of its memory are stale then.
    std::atomic<uint32_t> version{0};
    std::vector<Entry *> parts;               // they die with this one
    std::vector<Entry *> blocked;             // those that can't be freed while this one lives
    std::vector<Entry *> users;               // those that are orphans once this one is gone
    std::vector<Entry *> used;                // those whose users this one is among
    uint32_t blockers = 0;
};

struct Table {
    size_t mask;
    std::atomic<Entry *> * slots;
};
extern std::atomic<const Table *> table;

inline size_t slot_of(const void * address) { return (size_t) (((uintptr_t) address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20); }

// Called without a lock: entries are only ever added, and a table that was outgrown is kept.
inline Entry * find(const void * address, const Kind & kind) {
    const Table * now = table.load(std::memory_order_acquire);
    for (size_t at = slot_of(address);; at++) {
        Entry * entry = now->slots[at & now->mask].load(std::memory_order_acquire);
        if (!entry || (entry->address == address && entry->kind == &kind)) return entry;
    }
}

template <class T> inline Entry * find(const T * handle) { return find(handle, KindOf<T>::kind); }
template <class T> inline bool known(const T * handle) {
    const Entry * entry = find(handle);
    return entry && entry->alive.load(std::memory_order_relaxed);
}
template <class T> inline bool dead(const T * handle) {
    const Entry * entry = find(handle);
    return entry && !entry->alive.load(std::memory_order_relaxed);
}

// How a new object stands to one that was there before.
struct Relation {
    enum Type { none, part, block, use } type;
    const void * address;
    const Kind * kind;
};
template <class T> Relation part_of(const T * parent) { return {Relation::part, parent, &KindOf<T>::kind}; }
template <class T> Relation blocks(const T * parent) { return {Relation::block, parent, &KindOf<T>::kind}; }
template <class T> Relation uses(const T * thing) { return {Relation::use, thing, &KindOf<T>::kind}; }

void make(const void * address, const Kind & kind, const Relation * relations, size_t count);
void own(Entry * child, Entry * owner);  // no owner: released
void block(Entry * user, Entry * thing);
void unblock(Entry * user, Entry * thing);
void use(Entry * user, Entry * thing);
void end_parts(Entry * owner);

template <class T, class... R> void made(const T * object, R... relations) {
    const Relation all[] = {relations..., {Relation::none, nullptr, nullptr}};
    if (object) make(object, KindOf<T>::kind, all, sizeof...(R));
}
template <class T> Entry * entry_of(const T * object) {
    if (!object) return nullptr;
    Entry * entry = find(object);
    if (!entry) {
        made(object);
        entry = find(object);
    }
    return entry;
}
template <class T, class U> void owned(const T * child, const U * parent) { own(entry_of(child), entry_of(parent)); }
template <class T> void released(const T * child) { own(entry_of(child), nullptr); }
template <class T, class U> void uses_too(const T * user, const U * thing) { block(entry_of(user), entry_of(thing)); }
template <class T, class U> void forgets(const T * user, const U * thing) { unblock(entry_of(user), entry_of(thing)); }

// An object that holds the address of another from now on: once that one is gone, it may only be freed.
template <class T, class U> void uses_from_now(const T * user, const U * thing) { use(entry_of(user), entry_of(thing)); }
// What this object has computed is gone: as a call that computes on it does by itself.
template <class T> void outdate(const T * object) {
    if (Entry * entry = find(object)) entry->version++;
}
// The parts of this object are gone, and it lives on.
template <class T> void parts_gone(const T * owner) { end_parts(find(owner)); }

// A handle of a kind that is not strict came out of a function: whatever was known of its address is outdated.
void returned(const void * address, const Kind & kind);
void tensor_returned(const void * tensor);
inline void returned(const ggml_tensor * tensor) { tensor_returned(tensor); }
template <class T> void returned(const T * object) { if (object) returned(object, KindOf<T>::kind); }

// One object's use by one call.
class Use {
  public:
    Use() = default;
    Use(const Use &) = delete;
    ~Use();
    template <class T> bool pin(Call & call, const char * argument, const T * handle) {
        return take(call, argument, handle, KindOf<T>::kind, false);
    }
    template <class T> bool lock(Call & call, const char * argument, const T * handle) {
        return take(call, argument, handle, KindOf<T>::kind, true);
    }

  private:
    bool take(Call & call, const char * argument, const void * handle, const Kind & kind, bool lock);
    bool lock_root(Call & call, const char * argument, Entry * shared);
    Entry * pinned_ = nullptr;
    Entry * locked_ = nullptr;
    Entry * outdated_ = nullptr;  // what the call computes on
};

}  // namespace llamacffi
