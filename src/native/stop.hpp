// What stops the work of a thread: somebody's wish, or a deadline.
#pragma once
#include <atomic>
#include <chrono>

namespace llamacffi {

class Stop {
  public:
    using clock = std::chrono::steady_clock;

    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    void set_deadline(clock::time_point deadline) { deadline_ = deadline; }
    bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    bool is_late() const { return deadline_ != clock::time_point::max() && clock::now() >= deadline_; }

    bool has_come() const { return is_cancelled() || is_late(); }

    // Within a computation, where the clock's time would show.
    bool is_due() { return is_cancelled() || (deadline_ != clock::time_point::max() && ++asked_ % 8 == 0 && is_late()); }

  private:
    std::atomic<bool> cancelled_{false};
    clock::time_point deadline_ = clock::time_point::max();
    unsigned asked_ = 0;
};

}  // namespace llamacffi
