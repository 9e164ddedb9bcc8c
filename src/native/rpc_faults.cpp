#include "rpc_faults.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <vector>

#ifndef _WIN32
#include <fcntl.h>
#include <poll.h>
#endif

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

using Socket = llamacffi_socket;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The extension's side (rpc.cpp): whether Python's signals want this thread to stop; and what throws in a guarded call,
// or returns whether to go on.
static bool (*interrupted)(void) = nullptr;
static bool (*fail)(const char * reason) = nullptr;
static std::atomic<int> connect_limit{10000}, answer_limit{300000};  // milliseconds

EXPORT void llamacffi_rpc_set_hooks(bool (*on_interrupted)(void), bool (*on_fail)(const char *)) {
    interrupted = on_interrupted;
    fail = on_fail;
}
EXPORT void llamacffi_rpc_set_limits(int connect_milliseconds, int answer_milliseconds) {
    connect_limit = connect_milliseconds;
    answer_limit = answer_milliseconds;
}

static bool must_stop() { return interrupted && interrupted(); }

// --- connections --------------------------------------------------------------------------------------------------

static thread_local std::string trouble;           // this thread's latest
static thread_local Socket latest = (Socket) -1;  // that this thread has talked on
static thread_local std::string who;              // is at its other end
static thread_local Socket greeting = (Socket) -1;  // that this thread has made: it greets, then another one talks
static std::mutex lock;
static std::vector<Socket> busy;  // with a worker's answer or question

static std::string name_of(const sockaddr_in & address) {
    char text[INET_ADDRSTRLEN] = "?";
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(address.sin_port));
}

static void talk(Socket socket) {
    if (socket == latest) return;
    sockaddr_in address = {};
    llamacffi_length length = sizeof address;
    ::getpeername(socket, (sockaddr *) &address, &length);
    who = name_of(address);
    latest = socket;
}

struct Busy {
    Socket socket;
    explicit Busy(Socket socket) : socket(socket) {
        talk(socket);
        std::lock_guard<std::mutex> guard(lock);
        busy.push_back(socket);
    }
    Busy(const Busy &) = delete;
    ~Busy() {
        std::lock_guard<std::mutex> guard(lock);
        busy.erase(std::find(busy.begin(), busy.end(), socket));
    }
};

static void hang_up(Socket socket) {
#ifdef _WIN32
    ::shutdown(socket, SD_BOTH);
#else
    ::shutdown(socket, SHUT_RDWR);
#endif
}

static int latest_error() {
#ifdef _WIN32
    return WSAGetLastError();
#else
    return errno;
#endif
}

#ifdef _WIN32
static bool is_passing(int error) { return error == WSAEINTR; }
static bool is_under_way(int error) { return error == WSAEWOULDBLOCK; }
static bool is_too_late(int error) { return error == WSAETIMEDOUT; }
#else
static bool is_passing(int error) { return error == EINTR; }
static bool is_under_way(int error) { return error == EINPROGRESS; }
static bool is_too_late(int error) { return error == EAGAIN || error == EWOULDBLOCK; }
#endif

static std::string seconds(int limit) {
    char text[32];
    std::snprintf(text, sizeof text, "%g s", limit / 1000.0);
    return text;
}

template <class Value> static void set(Socket socket, int level, int option, Value value) {
    ::setsockopt(socket, level, option, (const char *) &value, sizeof value);
}

// A machine that is gone without a word is found out by probes where nobody waits for an answer.
static void keep_alive(Socket socket) {
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
#endif
#ifdef SO_NOSIGPIPE
    set(socket, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

// The limits of a connection, which the system keeps for us; a server's connections have none.
static void set_limit(Socket socket, int milliseconds) {
#ifdef _WIN32
    const DWORD limit = (DWORD) milliseconds;
#else
    timeval limit = {};
    limit.tv_sec = milliseconds / 1000;
    limit.tv_usec = milliseconds % 1000 * 1000;
#endif
    set(socket, SOL_SOCKET, SO_RCVTIMEO, limit);
    set(socket, SOL_SOCKET, SO_SNDTIMEO, limit);
}
static int limit_of(Socket socket) {
    if (socket == greeting) return connect_limit;
#ifdef _WIN32
    DWORD limit = 0;
#else
    timeval limit = {};
#endif
    llamacffi_length length = sizeof limit;
    ::getsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, (char *) &limit, &length);
#ifdef _WIN32
    return (int) limit;
#else
    return (int) (limit.tv_sec * 1000 + limit.tv_usec / 1000);
#endif
}

static void set_blocking(Socket socket, bool blocking) {
#ifdef _WIN32
    u_long value = blocking ? 0 : 1;
    ::ioctlsocket(socket, FIONBIO, &value);
#else
    const int flags = ::fcntl(socket, F_GETFL);
    ::fcntl(socket, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
#endif
}

enum class Readiness { ready, late, stopped };

// Until there is something to read, or room to write. No limit: 0.
static Readiness wait_until(Socket socket, short events, int limit) {
    const auto end = Clock::now() + milliseconds(limit);
    for (;;) {
        pollfd wanted = {};
        wanted.fd = socket;
        wanted.events = events;
#ifdef _WIN32
        const int ready = ::WSAPoll(&wanted, 1, 50);
#else
        const int ready = ::poll(&wanted, 1, 50);
#endif
        if (ready > 0 || (ready < 0 && !is_passing(latest_error()))) return Readiness::ready;  // or to fail at once
        if (must_stop()) return Readiness::stopped;
        if (limit && Clock::now() > end) return Readiness::late;
    }
}

int llamacffi_connect(Socket socket, const sockaddr * address, llamacffi_length length) {
    trouble.clear();
    latest = socket;
    who = name_of(*(const sockaddr_in *) address);
    keep_alive(socket);
    set_blocking(socket, false);
    int status = ::connect(socket, address, length);
    int error = status ? latest_error() : 0;
    if (status && is_under_way(error)) {
        const int limit = connect_limit;
        switch (wait_until(socket, POLLOUT, limit)) {
            case Readiness::late: trouble = "it did not answer within " + seconds(limit); return -1;
            case Readiness::stopped: trouble = "interrupted"; return -1;
            case Readiness::ready: break;
        }
        llamacffi_length size = sizeof error;
        ::getsockopt(socket, SOL_SOCKET, SO_ERROR, (char *) &error, &size);
        status = error ? -1 : 0;
    }
    set_blocking(socket, true);
    if (status) {
        trouble = std::system_category().message(error);
        return -1;
    }
    set_limit(socket, answer_limit);
    greeting = socket;
    return 0;
}

Socket llamacffi_accept(Socket socket, sockaddr * address, llamacffi_length * length) {
    if (wait_until(socket, POLLIN, 0) == Readiness::stopped) {
        if (fail) fail("interrupted");
        return (Socket) -1;
    }
    const Socket accepted = ::accept(socket, address, length);
    if (accepted != (Socket) -1) keep_alive(accepted);
    latest = greeting = (Socket) -1;
    trouble.clear();
    return accepted;
}

static llamacffi_count gone(Socket socket, const std::string & why) {
    trouble = why;
    hang_up(socket);
    return -1;
}

llamacffi_count llamacffi_send(Socket socket, const char * data, size_t size, int flags) {
    Busy busy(socket);
#ifdef MSG_NOSIGNAL
    flags |= MSG_NOSIGNAL;
#endif
    for (;;) {
#ifdef _WIN32
        const llamacffi_count count = ::send(socket, data, (int) std::min<size_t>(size, 1 << 30), flags);
#else
        const llamacffi_count count = ::send(socket, data, size, flags);
#endif
        if (count >= 0) return count;
        const int error = latest_error();
        if (is_passing(error) && !must_stop()) continue;
        if (is_too_late(error)) return gone(socket, who + " took nothing within " + seconds(limit_of(socket)));
        return gone(socket, who + ": " + std::system_category().message(error));
    }
}

llamacffi_count llamacffi_recv(Socket socket, char * data, size_t size, int flags) {
    Busy busy(socket);
    const int limit = limit_of(socket);
    for (;;) {
        switch (wait_until(socket, POLLIN, limit)) {
            case Readiness::late: {
                const char * perhaps = socket == greeting ? ": it may be serving another process" : "";
                return gone(socket, who + " did not answer within " + seconds(limit) + perhaps);
            }
            case Readiness::stopped: return gone(socket, "interrupted");
            case Readiness::ready: break;
        }
#ifdef _WIN32
        const llamacffi_count count = ::recv(socket, data, (int) std::min<size_t>(size, 1 << 30), flags);
#else
        const llamacffi_count count = ::recv(socket, data, size, flags);
#endif
        if (count > 0) return count;
        if (count == 0) {
            gone(socket, who + " has closed the connection");
            return 0;
        }
        const int error = latest_error();
        if (!is_passing(error)) return gone(socket, who + ": " + std::system_category().message(error));
    }
}

// --- messages -----------------------------------------------------------------------------------------------------

namespace llamacffi_rpc {

// On the thread that talks to a worker: why what it was asked is lost, and why all that it is asked after that will be.
static thread_local std::string lost, broken;

void lose(bool frees) {
    if (broken.empty()) {
        if (trouble.empty()) trouble = who + " gave an answer of the wrong size";
        broken = trouble;
        hang_up(latest);
    }
    lost = frees ? "" : broken;
}

bool is_told() { return !trouble.empty(); }

std::string loss() {
    const std::string result = lost;
    lost = broken;  // also what asks nothing, and wants to know that all before is done
    return result;
}

void wait(const std::shared_future<std::string> & loss) {
    Clock::time_point since;
    while (loss.wait_for(milliseconds(50)) != std::future_status::ready) {
        if (!must_stop()) continue;
        // After Ctrl-C, a worker has a second more: to lose it is to lose its part of the model.
        const auto now = Clock::now();
        if (since == Clock::time_point()) since = now;
        if (now - since < std::chrono::seconds(1)) continue;
        std::lock_guard<std::mutex> guard(lock);
        for (const Socket socket : busy) hang_up(socket);
    }
    const std::string why = loss.get();
    if (why.empty()) return;
    const std::string text = "an RPC worker is lost: " + why;
    if (fail && fail(text.c_str())) return;
    ggml_abort(__FILE__, __LINE__, "%s", text.c_str());
}

void aborted(std::nullptr_t, bool, const char * file, int line, const char * format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    std::string message = text;
    if (std::strncmp(format, "GGML_ASSERT", 11) && fail) {
        while (!message.empty() && message.back() == '\n') message.pop_back();
        if (!trouble.empty()) message += ": " + trouble;
        trouble.clear();
        fail(message.c_str());
    }
    ggml_abort(file, line, "%s", message.c_str());
}

}  // namespace llamacffi_rpc
