#include "handles.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "guard.hpp"

namespace llamacffi {

static std::atomic<Entry *> first_slots[1024];
static const Table first_table = {1023, first_slots};
std::atomic<const Table *> table{&first_table};

// Taken by all that changes the account; looking a handle up takes nothing.
std::recursive_mutex account;
static size_t entries = 0;

static void insert(const Table & into, Entry * entry) {
    size_t at = slot_of(entry->address);
    while (into.slots[at & into.mask].load(std::memory_order_relaxed)) at++;
    into.slots[at & into.mask].store(entry, std::memory_order_release);
}

static Entry * entry_at(const void * address, const Kind & kind) {
    Entry * entry = find(address, kind);
    if (entry) return entry;
    const Table * now = table.load();
    if (++entries * 2 > now->mask) {
        const size_t size = (now->mask + 1) * 2;
        // The old one stays: another thread may be reading it.
        const Table * larger = new Table{size - 1, new std::atomic<Entry *>[size]()};
        for (size_t at = 0; at <= now->mask; at++)
            if (Entry * moved = now->slots[at].load(std::memory_order_relaxed)) insert(*larger, moved);
        table.store(larger, std::memory_order_release);
        now = larger;
    }
    entry = new Entry;
    entry->address = address;
    entry->kind = &kind;
    insert(*now, entry);
    return entry;
}

static void remove(std::vector<Entry *> & from, Entry * entry) {
    from.erase(std::remove(from.begin(), from.end(), entry), from.end());
}

// An account outlives its object by far: it is to be small.
static void release(std::vector<Entry *> & entries) { std::vector<Entry *>().swap(entries); }

static bool is_tensor_memory(const Entry * entry) { return !std::strcmp(entry->kind->name, "ggml_context"); }

// The object is gone, and what it was made of with it; their addresses are added to `gone`.
static void die(Entry * entry, std::vector<const void *> & gone) {
    if (!entry->alive.exchange(false)) return;
    entry->version++;
    if (is_tensor_memory(entry)) tensors_gone((const ggml_context *) entry->address);
    if (Entry * owner = entry->owner.exchange(nullptr)) remove(owner->parts, entry);
    for (Entry * thing : entry->blocked) thing->blockers--;
    release(entry->blocked);
    for (Entry * user : entry->users) {
        user->orphan = true;
        remove(user->used, entry);
    }
    release(entry->users);
    // Another object may come to be at this address.
    for (Entry * thing : entry->used) remove(thing->users, entry);
    release(entry->used);
    std::vector<Entry *> parts;
    parts.swap(entry->parts);
    for (Entry * part : parts) {
        part->owner = nullptr;
        die(part, gone);
    }
    gone.push_back(entry->address);
}

void make(const void * address, const Kind & kind, const Relation * relations, size_t count) {
    std::vector<const void *> gone;
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        Entry * entry = entry_at(address, kind);
        die(entry, gone);  // if its end went past us, in C of somebody else's
        entry->orphan = false;
        entry->blockers = 0;
        entry->pins = 0;
        entry->locked_by = nullptr;
        for (const Relation * each = relations; each < relations + count; each++) {
            if (!each->address) continue;
            Entry * other = find(each->address, *each->kind);
            if (!other) {  // of a kind that need not be known
                other = entry_at(each->address, *each->kind);
                other->alive = true;
            }
            if (each->type == Relation::part) own(entry, other);
            if (each->type == Relation::block) block(entry, other);
            if (each->type == Relation::use) use(entry, other);
        }
        entry->alive = true;
        if (is_tensor_memory(entry)) tensors_made((const ggml_context *) address);
    }
    for (const void * each : gone) release_all(each);
}

void own(Entry * child, Entry * owner) {
    if (!child) return;
    std::lock_guard<std::recursive_mutex> lock(account);
    if (Entry * before = child->owner.exchange(owner)) remove(before->parts, child);
    if (owner) owner->parts.push_back(child);
}

void block(Entry * user, Entry * thing) {
    if (!user || !thing) return;
    std::lock_guard<std::recursive_mutex> lock(account);
    user->blocked.push_back(thing);
    thing->blockers++;
}

void unblock(Entry * user, Entry * thing) {
    if (!user || !thing) return;
    std::lock_guard<std::recursive_mutex> lock(account);
    const auto found = std::find(user->blocked.begin(), user->blocked.end(), thing);
    if (found == user->blocked.end()) return;
    user->blocked.erase(found);
    thing->blockers--;
}

void use(Entry * user, Entry * thing) {
    if (!user || !thing) return;
    std::lock_guard<std::recursive_mutex> lock(account);
    thing->users.push_back(user);
    user->used.push_back(thing);
}

void end_parts(Entry * owner) {
    if (!owner) return;
    std::vector<const void *> gone;
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        const std::vector<Entry *> parts = owner->parts;
        for (Entry * part : parts) die(part, gone);
    }
    for (const void * each : gone) release_all(each);
}

void returned(const void * address, const Kind & kind) {
    const Entry * entry = find(address, kind);
    if (entry && !entry->alive.load()) make(address, kind, nullptr, 0);
}

bool Call::look_closer(const char * argument, const void * handle, const Kind & kind, const Entry * entry) {
    const std::string name = kind.name;
    if (!entry) {
        if (!kind.strict) return true;
        fail(LLAMACFFI_ERROR_FREED, argument, "not a living " + name + " that llamacffi knows (adopt one that C code of your own made)");
        return false;
    }
    if (!entry->alive.load()) {
        fail(LLAMACFFI_ERROR_FREED, argument, "this " + name + " was freed");
        return false;
    }
    if (entry->orphan) {
        fail(LLAMACFFI_ERROR_FREED, argument, "what this " + name + " was made for was freed: it can only be freed, too");
        return false;
    }
    return true;
}

// The object whose lock guards this one: a part that shares its owner's memory is not used beside it.
static Entry * root(Entry * entry) {
    if (entry->kind->shared) return entry;
    while (Entry * owner = entry->owner.load(std::memory_order_relaxed)) {
        if (owner->kind->shared || is_tensor_memory(owner)) break;
        entry = owner;
    }
    return entry;
}

bool Use::take(Call & call, const char * argument, const void * handle, const Kind & kind, bool lock) {
    Entry * entry = find(handle, kind);
    if (!entry || !entry->alive.load(std::memory_order_relaxed) || entry->orphan) {
        if (!call.look_closer(argument, handle, kind, entry)) return false;
        if (!entry) return true;
    }
    // First the mark and then another look: whoever frees does it the other way round.
    entry->pins.fetch_add(1);
    pinned_ = entry;
    if (!entry->alive.load()) return call.look_closer(argument, handle, kind, entry);
    if (!lock) return true;
    Entry * shared = root(entry);
    if (!lock_root(call, argument, shared)) return false;
    if (call.is_computing()) {
        shared->version++;
        outdated_ = shared;
    }
    return true;
}

bool Use::lock_root(Call & call, const char * argument, Entry * shared) {
    Thread * nobody = nullptr;
    if (shared->locked_by.compare_exchange_strong(nobody, &call.thread())) {
        shared->holder = &call;
        locked_ = shared;
        return true;
    }
    if (nobody != &call.thread()) {
        call.fail(LLAMACFFI_ERROR_BUSY, argument, std::string("another thread is using this ") + shared->kind->name + " right now");
        return false;
    }
    if (call.is_exclusive() && shared->holder != &call && shared->holder->is_exclusive()) {
        call.fail(LLAMACFFI_ERROR_BUSY, argument, std::string(shared->holder->function()) + " is at work on this " + shared->kind->name +
            ", and a callback of it can't call this");
        return false;
    }
    return true;
}

Use::~Use() {
    if (outdated_) outdated_->version++;  // once more: a callback may have taken a view in the meantime
    if (locked_) {
        locked_->holder = nullptr;
        locked_->locked_by.store(nullptr, std::memory_order_release);
    }
    if (pinned_) pinned_->pins.fetch_sub(1);
}

bool Call::begin_free(const char * argument, const void * handle, const Kind & kind) {
    std::lock_guard<std::recursive_mutex> lock(account);
    Entry * entry = find(handle, kind);
    frees_ = true;
    const std::string name = kind.name;
    if (!entry) {
        fail(LLAMACFFI_ERROR_FREED, argument, "llamacffi does not know this " + name + ", and what made it must free it");
        return false;
    }
    if (!entry->alive.load()) return look_closer(argument, handle, kind, entry);
    if (const Entry * owner = entry->owner.load()) {
        fail(LLAMACFFI_ERROR_FREED, argument, "this " + name + " belongs to a " + owner->kind->name + ", which frees it");
        return false;
    }
    if (entry->blockers) {
        fail(LLAMACFFI_ERROR_FREED, argument, "something that uses this " + name + " is still alive (" + std::to_string(entry->blockers) +
            "): free that first");
        return false;
    }
    // Those who begin to use it now see it dead; those who did before are seen here.
    entry->alive = false;
    bool busy = entry->pins.load() != 0;
    for (const Entry * part : entry->parts) busy = busy || part->pins.load() || part->locked_by.load();
    if (busy || entry->locked_by.load()) {
        entry->alive = true;
        fail(LLAMACFFI_ERROR_BUSY, argument, "a call is using this " + name + " right now");
        return false;
    }
    entry->alive = true;
    die(entry, thread_->gone);
    return true;
}

// Outside of the account's lock: letting a callback go enters Python.
void Call::end_free() {
    std::vector<const void *> gone;
    gone.swap(thread_->gone);
    for (const void * each : gone) release_all(each);
}

}  // namespace llamacffi

static const llamacffi::Kind * kind_of(const char * name) {
    for (const llamacffi::Kind * const * each = llamacffi::all_kinds; *each; each++)
        if (!std::strcmp((*each)->name, name)) return *each;
    return nullptr;
}

extern "C" bool llamacffi_adopt(const char * kind, void * handle) {
    const llamacffi::Kind * known = handle ? kind_of(kind) : nullptr;
    if (!known) return false;
    const llamacffi::Entry * entry = llamacffi::find(handle, *known);
    if (!entry || !entry->alive.load()) llamacffi::make(handle, *known, nullptr, 0);
    return true;
}

extern "C" bool llamacffi_is_freed(const char * kind, const void * handle) {
    const llamacffi::Kind * known = kind_of(kind);
    const llamacffi::Entry * entry = known ? llamacffi::find(handle, *known) : nullptr;
    return entry && !entry->alive.load();
}

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "Python reads it as a plain integer");

extern "C" const uint32_t * llamacffi_version(const char * kind, const void * handle) {
    const llamacffi::Kind * known = kind_of(kind);
    const llamacffi::Entry * entry = known ? llamacffi::find(handle, *known) : nullptr;
    return entry ? (const uint32_t *) &entry->version : nullptr;
}
