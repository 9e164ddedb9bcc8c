// The extension's side of rpc_faults.cpp, which is part of the RPC backend's module.
#include "callbacks.hpp"

using namespace llamacffi;

static bool on_interrupted() {
    // The module's own threads make no guarded calls.
    if (!this_thread) return python_ended.load(std::memory_order_relaxed);
    static thread_local Poll poll;
    return poll.must_stop();
}

// Throws; or returns whether the loss does not matter. If it does, the module ends the process, as upstream does: on a
// thread of C's own nothing can be thrown.
static bool on_fail(const char * reason) {
    const Call * call = nearest_call();
    if (!call) return false;
    if (call->is_freeing() || std::uncaught_exceptions()) return true;  // destructors wait, too, and must not throw
    throw LostWorker{reason};
}

// `set_hooks` is the address of the module's llamacffi_rpc_set_hooks.
extern "C" void llamacffi_watch_workers(void * set_hooks) {
    ((void (*)(bool (*)(), bool (*)(const char *))) set_hooks)(on_interrupted, on_fail);
}
