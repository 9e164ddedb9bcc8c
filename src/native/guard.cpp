#include "guard.hpp"

#include "callbacks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if defined(__GNUC__)
#include <cxxabi.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

extern "C" std::atomic<int> llamacffi_pending;
std::atomic<int> llamacffi_pending{0};
extern "C" int llamacffi_backends_loaded;
int llamacffi_backends_loaded = 0;  // set by backends.py; once it is, a call costs one look at it

namespace llamacffi {

extern std::recursive_mutex account;  // handles.cpp
extern std::mutex ranges_lock;        // tensors.cpp

LLAMACFFI_TLS thread_local Thread * this_thread = nullptr;
std::atomic<bool> python_ended{false};

static std::mutex threads_lock;
static std::vector<Thread *> threads;     // those that have called and live
static std::vector<Call *> computing;     // the calls that compute right now
static std::atomic<bool> computed{false}; // in this process or the one that it was forked from
static std::atomic<bool> forked{false};   // after it had computed
static std::thread::id ender;

// Takes a thread's record away when the thread ends.
struct Leaving {
    Thread * thread = nullptr;
    ~Leaving() {
        if (!thread) return;
        thread->unmark();
        this_thread = nullptr;
        std::lock_guard<std::mutex> lock(threads_lock);
        threads.erase(std::remove(threads.begin(), threads.end(), thread), threads.end());
        delete thread;
    }
};

#ifndef _WIN32
static void before_fork() {
    account.lock();
    threads_lock.lock();
    ranges_lock.lock();
}
static void after_fork_in_parent() {
    ranges_lock.unlock();
    threads_lock.unlock();
    account.unlock();
}
static void after_fork_in_child() {
    // The other threads are not here, and what they were doing will never end.
    threads.clear();
    if (this_thread) threads.push_back(this_thread);
    computing.clear();
    if (computed.load()) forked = true;
    // The thread that locked them has another number here: they can't be unlocked.
    new (&ranges_lock) std::mutex;
    new (&threads_lock) std::mutex;
    new (&account) std::recursive_mutex;
}
#endif

#ifdef LLAMACFFI_HAS_ggml_set_abort_callback
static ggml_abort_callback_t users_abort = nullptr;
static void on_abort(const char * message);
#endif

static void begin() {
#ifdef LLAMACFFI_HAS_ggml_set_abort_callback
    ggml_set_abort_callback(on_abort);
#endif
#ifndef _WIN32
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
#endif
}

Thread & enter_thread() {
    static std::once_flag once;
    std::call_once(once, begin);
    static thread_local Leaving leaving;
    leaving.thread = this_thread = new Thread;
    std::lock_guard<std::mutex> lock(threads_lock);
    threads.push_back(this_thread);
    return *this_thread;
}

void Thread::unmark() {
    if (!failed) return;
    failed = false;
    llamacffi_pending--;
}

#ifdef LLAMACFFI_HAS_ggml_set_abort_callback
// Whether an assertion's file is part of a backend: its code may be running on several threads, and OpenMP's can't be
// left by an exception.
static bool from_kernel(const char * message) {
    const char * at = std::strstr(message, "ggml-");
    for (; at; at = std::strstr(at + 1, "ggml-")) {
        const char * slash = std::strpbrk(at, "/\\:");
        if (slash && *slash != ':' && at > message && (at[-1] == '/' || at[-1] == '\\')) return true;
    }
    return false;
}

static void on_abort(const char * message) {
    if (users_abort) users_abort(message);
    const Call * call = nearest_call();
    if (call && !(call->is_computing() && from_kernel(message))) throw Assertion{message};
    // ggml aborts when we return, and Python's fault handler shows where Python was.
    std::fprintf(stderr, "%s\n", message);
    std::fflush(stderr);
}

ggml_abort_callback_t set_abort_callback(ggml_abort_callback_t callback) {
    current();
    const ggml_abort_callback_t before = users_abort;
    users_abort = callback;
    return before;
}
#endif

void Call::fail(llamacffi_error_kind kind, const char * argument, const std::string & message, const std::string & native) {
    Thread & thread = *thread_;
    // What happened first is the reason, and not what it led to.
    if (failed_ && kind != LLAMACFFI_ERROR_CALLBACK) return;
    thread.argument = argument;
    thread.message = message;
    thread.native = native.empty() ? thread.log : native;
    thread.error = {kind, function_, thread.argument.c_str(), thread.message.c_str(), thread.native.c_str()};
    thread.has_error = true;
    failed_ = true;
    if (!thread.failed) {
        thread.failed = true;
        llamacffi_pending++;
    }
}

void Call::refuse_null(const char * argument) { fail(LLAMACFFI_ERROR_ARGUMENT, argument, "must not be NULL"); }

void Call::refuse_value(const char * argument, const std::string & value, const char * problem) {
    fail(LLAMACFFI_ERROR_ARGUMENT, argument, "= " + value + ": " + problem);
}

// Python's other threads have no more to do: one that comes here waits for the end of the process, rather than have it
// find out that its calls don't work any more.
void Call::stay() {
    if (std::this_thread::get_id() == ender || std::uncaught_exceptions()) return;
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

bool Call::refuse_at_end() {
    if (std::this_thread::get_id() == ender) return false;
    if (!outer_) {
        thread_->innermost.store(nullptr);
        stay();
    }
    fail(LLAMACFFI_ERROR_ENDED, "", "the interpreter is ending");
    return true;
}

bool Call::raised() {
    if (!raised_.load(std::memory_order_relaxed)) return false;
    fail(LLAMACFFI_ERROR_CALLBACK, "", "a Python callback raised");
    return true;
}

void Call::caught() {
    try {
        throw;
#if defined(__GLIBCXX__)
    } catch (abi::__forced_unwind &) {
        throw;
#endif
    } catch (const Assertion & assertion) {
        fail(LLAMACFFI_ERROR_ASSERTION, "", "an assertion in llama.cpp failed", assertion.text);
    } catch (const LostWorker & worker) {
        fail(LLAMACFFI_ERROR_WORKER, "", worker.reason);
    } catch (const std::exception & error) {
        fail(LLAMACFFI_ERROR_EXCEPTION, "", error.what());
    } catch (...) {
        fail(LLAMACFFI_ERROR_EXCEPTION, "", "a C++ exception of a kind of its own");
    }
    raised();
}

void Call::compute(void (*work)(void *), void * data) {
    {
        std::lock_guard<std::mutex> lock(threads_lock);
        computing.push_back(this);
    }
    struct Leave {
        Call * call;
        ~Leave() {
            std::lock_guard<std::mutex> lock(threads_lock);
            computing.erase(std::remove(computing.begin(), computing.end(), call), computing.end());
        }
    } leave{this};
    computed.store(true, std::memory_order_relaxed);
    if (!forked.load(std::memory_order_relaxed)) {
        work(data);
        return;
    }
    std::exception_ptr thrown;
    std::thread([&] {
        this_thread = thread_;  // which waits for this one: what it has locked, this one has
        try {
            work(data);
        } catch (...) {
            thrown = std::current_exception();
        }
        this_thread = nullptr;
    }).join();
    if (thrown) std::rethrow_exception(thrown);
}

void callback_raised() {
    if (Call * call = this_thread ? this_thread->call() : nullptr) {
        call->mark_raised();
        return;
    }
    std::lock_guard<std::mutex> lock(threads_lock);
    for (Call * call : computing) call->mark_raised();
}

bool Formatted::print(const char * format, va_list arguments) {
    for (const char * at = format; (at = std::strchr(at, '%')) != nullptr; at++) {
        if (at[1] == '%') at++;
        else if (at[std::strspn(at + 1, "-+ #0123456789.*hlLqjzt") + 1] == 'n') return false;
    }
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    if (length > 0) {
        text_.resize((size_t) length + 1);
        std::vsnprintf(&text_[0], text_.size(), format, again);
        text_.pop_back();
    }
    va_end(again);
    return true;
}

}  // namespace llamacffi

using namespace llamacffi;

extern "C" bool llamacffi_failed(void) {
    Thread & thread = current();
    const bool failed = thread.failed;
    thread.unmark();
    return failed;
}

extern "C" const llamacffi_error * llamacffi_last_error(void) {
    const Thread & thread = current();
    return thread.has_error ? &thread.error : nullptr;
}

extern "C" const char * llamacffi_call_log(void) { return current().log.c_str(); }

extern "C" void llamacffi_backend_missing(const char * message) {
    if (Call * call = current().call()) call->fail(LLAMACFFI_ERROR_BACKEND, "", message);
}

extern "C" void llamacffi_end(void) {
    ender = std::this_thread::get_id();
    python_ended = true;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
        {
            std::lock_guard<std::mutex> lock(threads_lock);
            bool running = false;
            for (const Thread * thread : threads) running = running || (thread != this_thread && thread->innermost.load(std::memory_order_acquire));
            if (!running || std::chrono::steady_clock::now() > deadline) return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}
