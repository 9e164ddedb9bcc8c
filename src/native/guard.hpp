// What a guard is made of. A guard stands between cffi's call and llama.cpp's function: header_gen writes one for each.
#pragma once
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>

#include "api.h"
#include "errors.h"
#include "handles.hpp"
#include "memory.hpp"
#include "stop.hpp"

namespace llamacffi {

// callbacks.cpp: an exception of a signal's handler is raised anew where the call returns.
void interrupt_if_due();

// A thread that has called: what its latest calls left behind.
struct Thread {
    std::atomic<Call *> innermost{nullptr};  // the guard on top of this thread's stack
    bool failed = false;                     // the latest call failed, and nobody has asked
    bool log_level_asked = false;            // in this outermost call
    std::string log;                         // what the outermost call logged as warning or error
    bool has_error = false;
    llamacffi_error error = {};
    std::string argument, message, native;
    std::vector<const void *> gone;  // what a free in progress ends
    Stop * stop = nullptr;           // what stops its computations, beside the abort callbacks
    // The context that this thread used last: where its tensors are.
    uintptr_t tensors_begin = 0, tensors_end = 0;
    uint64_t tensors_version = 0;

    Call * call() const { return innermost.load(std::memory_order_relaxed); }
    void unmark();
};

// Reading a thread's variable is a few instructions in this model, and a function call in the default one.
#if defined(__GLIBC__)
#define LLAMACFFI_TLS __attribute__((tls_model("initial-exec")))
#else
#define LLAMACFFI_TLS
#endif
extern LLAMACFFI_TLS thread_local Thread * this_thread;
Thread & enter_thread();
inline Thread & current() {
    Thread * thread = this_thread;
    return thread ? *thread : enter_thread();
}

extern std::atomic<bool> python_ended;

// A failed assertion, on its way from llama.cpp to the guard.
struct Assertion {
    std::string text;
};

// The loss of an RPC worker, on its way from the RPC backend's module to the guard.
struct LostWorker {
    std::string reason;
};

// Stands for a value that a message can't show.
struct Nothing {};

// What a function does with a tensor: it looks what it is, keeps its address in another tensor or a graph, or touches its
// data.
enum class TensorUse { look, build, data };

class EpochChain;
class FitChain;

class Call {
  public:
    enum Flag { plain, computes, exclusive };

    explicit Call(const char * function, Flag flag = plain) : function_(function), flag_(flag), thread_(&current()) {
        outer_ = thread_->call();
        if (thread_->failed) thread_->unmark();
        if (!outer_) {
            if (!thread_->log.empty()) thread_->log.clear();
            thread_->log_level_asked = false;
        }
        thread_->innermost.store(this, std::memory_order_relaxed);
    }
    Call(const Call &) = delete;
    ~Call() {
        if (raised_.load(std::memory_order_relaxed)) {
            raised();
            interrupt_if_due();
        }
        thread_->innermost.store(outer_, std::memory_order_release);
        if (thread_->failed && !failed_) thread_->unmark();  // that was a call from a callback
        if (!outer_ && python_ended.load(std::memory_order_relaxed)) stay();
    }

    // Whether no call may be made any more.
    bool refused() { return python_ended.load(std::memory_order_relaxed) && refuse_at_end(); }

    void refuse_null(const char * argument);
    void refuse(const char * argument, Nothing, const char * problem) { fail(LLAMACFFI_ERROR_ARGUMENT, argument, problem); }
    template <class T> void refuse(const char * argument, const T & value, const char * problem) {
        if constexpr (std::is_same_v<T, bool>) refuse_value(argument, value ? "true" : "false", problem);
        else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>) refuse_value(argument, std::to_string((unsigned long long) value), problem);
        else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) refuse_value(argument, std::to_string((long long) value), problem);
        else if constexpr (std::is_floating_point_v<T>) refuse_value(argument, std::to_string((double) value), problem);
        else fail(LLAMACFFI_ERROR_ARGUMENT, argument, problem);
    }
    void fail(llamacffi_error_kind kind, const char * argument, const std::string & message, const std::string & native = "");

    // Whether a handle lives, for a call that is too short to be disturbed.
    template <class T> bool look(const char * argument, const T * handle) {
        const Entry * entry = find(handle);
        if (entry && entry->alive.load(std::memory_order_relaxed) && !entry->orphan) return true;
        return look_closer(argument, handle, KindOf<T>::kind, entry);
    }
    bool look_closer(const char * argument, const void * handle, const Kind & kind, const Entry * entry);

    // Whether this is a tensor that may be used so.
    bool check_tensor(const char * argument, const ggml_tensor * tensor, TensorUse use);

    template <class T> bool begin_free(const char * argument, const T * handle) {
        return !handle || begin_free(argument, handle, KindOf<T>::kind);
    }
    bool begin_free(const char * argument, const void * handle, const Kind & kind);
    void end_free();

    // Run what computes; in a process that was forked from one that had computed, on a thread of its own: OpenMP's do
    // not survive a fork.
    template <class F> void compute(F && work) {
        compute([](void * f) { (*(std::remove_reference_t<F> *) f)(); }, (void *) &work);
    }

    // Whether a Python callback of this call raised; the failure is then recorded.
    bool raised();
    bool is_stopping() const { return raised_.load(std::memory_order_relaxed); }
    void mark_raised() { raised_.store(true, std::memory_order_relaxed); }

    // Records the exception that is being handled; lets a thread's forced end pass.
    void caught();

    Thread & thread() const { return *thread_; }
    const char * function() const { return function_; }
    bool is_freeing() const { return frees_; }
    bool is_computing() const { return flag_ == computes; }
    bool is_exclusive() const { return flag_ != plain || frees_; }
    Call * outer() const { return outer_; }

    // callbacks.cpp: what stands before the user's callbacks, where C hands no user data back.
    EpochChain * epochs = nullptr;
    FitChain * fits = nullptr;

  private:
    void compute(void (*work)(void *), void * data);
    bool refuse_at_end();
    static void stay();
    void refuse_value(const char * argument, const std::string & value, const char * problem);

    const char * function_;
    Flag flag_;
    Thread * thread_;
    Call * outer_;
    bool failed_ = false, frees_ = false;
    std::atomic<bool> raised_{false};
};

// A Python callback raised: the innermost call of this thread, or the one that computes if this is one of its threads,
// fails when llama.cpp returns.
void callback_raised();

// printf's arguments as text.
class Formatted {
  public:
    // False, if the format would write to memory.
    bool print(const char * format, va_list arguments);
    const char * text() const { return text_.c_str(); }

  private:
    std::string text_;
};

#ifdef LLAMACFFI_HAS_ggml_set_abort_callback  // else a failed assertion ends the process
// ggml_set_abort_callback, which is global to the process: the user's own is called, and then ours.
ggml_abort_callback_t set_abort_callback(ggml_abort_callback_t callback);
#endif

// callbacks.cpp: the owner of callbacks is gone; what a call within this one raised is this one's.
void release_all(const void * owner);
void inherit_exception(const Call & call);
// callbacks.cpp: a token that Python chooses; if it raises, the call fails.
int32_t sample_in_python(int64_t callback, int32_t row);

// tensors.cpp
void tensors_made(const ggml_context * context);
void tensors_gone(const ggml_context * context);

}  // namespace llamacffi
