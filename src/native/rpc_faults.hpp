// In front of ggml's RPC backend: the loss of a worker fails the calls that wait for it, and no wait is without end.
//
// Upstream ends the process when a worker does not answer, on a thread of its own that no guard can see. CMakeLists.txt
// puts this before its code, where these names stand for others:
//   GGML_LOG_ERROR  not what the exception says better
//   GGML_ABORT      on the thread that talks to a worker: its message is lost, and the thread goes on; elsewhere: throws
//   promise         of an answer; whoever waits for one that was lost is thrown an exception
//   connect         within a time limit
//   accept          until Ctrl-C
//   send, recv      within a time limit; a worker that fails is hung up on, and what it is asked after that fails at once
#pragma once
#include <cstddef>
#include <cstring>
#include <future>
#include <memory>
#include <string>

// Headers with assertions of their own keep GGML_ABORT as it is.
#include "ggml-backend-impl.h"
#include "ggml-cpp.h"
#include "ggml-impl.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <winsock2.h>
#include <windows.h>
#else
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>
#endif

namespace llamacffi_rpc {

// --- messages -----------------------------------------------------------------------------------------------------

// On the thread that talks to a worker: the message at hand is lost. If it frees memory, nobody need know: the worker's
// memory is gone with it, and what frees must not throw.
void lose(bool frees);
template <class Message> void aborted(const std::shared_ptr<Message> &, bool frees, const char *, int, const char *, ...) {
    lose(frees);
}
[[noreturn]] void aborted(std::nullptr_t, bool frees, const char * file, int line, const char * format, ...);

// Whether this thread's connection has failed, so that what fails next fails for that.
bool is_told();

// Why the message at hand was lost; "" if it was not.
std::string loss();
// Wait for the answer; throws if it was lost.
void wait(const std::shared_future<std::string> & loss);

class SharedFuture {
  public:
    SharedFuture() = default;
    explicit SharedFuture(std::shared_future<std::string> loss) : loss_(std::move(loss)) {}
    void wait() { llamacffi_rpc::wait(loss_); }
    SharedFuture share() { return *this; }

  private:
    std::shared_future<std::string> loss_;
};

class Promise {
  public:
    SharedFuture get_future() { return SharedFuture(loss_.get_future().share()); }
    void set_value() { loss_.set_value(loss()); }

  private:
    std::promise<std::string> loss_;
};

}  // namespace llamacffi_rpc

// --- connections --------------------------------------------------------------------------------------------------

#ifdef _WIN32
using llamacffi_socket = SOCKET;
using llamacffi_count = __int64;
using llamacffi_length = int;
#else
using llamacffi_socket = int;
using llamacffi_count = ssize_t;
using llamacffi_length = socklen_t;
#endif

int llamacffi_connect(llamacffi_socket socket, const sockaddr * address, llamacffi_length length);
llamacffi_socket llamacffi_accept(llamacffi_socket socket, sockaddr * address, llamacffi_length * length);
llamacffi_count llamacffi_send(llamacffi_socket socket, const char * data, size_t size, int flags);
llamacffi_count llamacffi_recv(llamacffi_socket socket, char * data, size_t size, int flags);

// --- upstream's code sees the names above ---------------------------------------------------------------------------

#ifndef LLAMACFFI_RPC_FAULTS  // which is not upstream's

namespace std {
template <class> using llamacffi_promise = llamacffi_rpc::Promise;
template <class> using llamacffi_shared_future = llamacffi_rpc::SharedFuture;
}  // namespace std
#define promise llamacffi_promise
#define shared_future llamacffi_shared_future
#define connect llamacffi_connect
#define accept llamacffi_accept
#define send llamacffi_send
#define recv llamacffi_recv

// Upstream's name for the message at hand, which hides this one where there is such a message.
static constexpr std::nullptr_t msg_ptr = nullptr;
template <class Message> static bool llamacffi_is(const std::shared_ptr<Message> & message, int command) {
    return (int) message->cmd == command;
}
static inline bool llamacffi_is(std::nullptr_t, int) { return false; }

#undef GGML_LOG_ERROR
#define GGML_LOG_ERROR(...) \
    (::llamacffi_rpc::is_told() ? (void) 0 : ggml_log_internal(GGML_LOG_LEVEL_ERROR, __VA_ARGS__))

#undef GGML_ABORT
#define GGML_ABORT(...) \
    ::llamacffi_rpc::aborted(msg_ptr, llamacffi_is(msg_ptr, RPC_CMD_FREE_BUFFER), __FILE__, __LINE__, __VA_ARGS__)

#endif
