// Counts running work, so that stopping can wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace entrepot {

// Thread-safe.
class Gate {
 public:
  // Held by one piece of running work.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_ != nullptr) gate_->leave();
    }
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    friend class Gate;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Gate* gate_ = nullptr;
  };

  // An empty pass once close() was called.
  Pass enter() {
    std::lock_guard lock(mutex_);
    if (closed_) return {};
    ++inside_;
    return Pass(this);
  }

  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }

  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }

  // Blocks until nobody is inside, at most `deadline`; false if somebody still is.
  bool wait_empty(std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, deadline, [this] { return inside_ == 0; });
  }

 private:
  void leave() {
    std::lock_guard lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable empty_;
  size_t inside_ = 0;    // guarded by mutex_
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace entrepot
