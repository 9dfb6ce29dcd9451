// A value that comes once and that coroutines on any worker may wait for.
#pragma once

#include "entrepot/base/task.h"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace entrepot {

// Thread-safe. Whoever waits holds a shared_ptr to it. T is copied to each waiter.
template <class T>
class Promise {
 public:
  // The first call counts.
  void set(T value) {
    std::vector<Waiter> waiters;
    {
      std::lock_guard lock(mutex_);
      if (value_) return;
      value_ = std::move(value);
      waiters.swap(waiters_);
    }
    for (auto& waiter : waiters) resume(std::move(waiter));
  }

  Task<T> wait() {
    auto start = [this](auto handler) {
      Waiter waiter{boost::asio::get_associated_executor(handler), std::move(handler)};
      {
        std::lock_guard lock(mutex_);
        if (!value_) {
          waiters_.push_back(std::move(waiter));
          return;
        }
      }
      resume(std::move(waiter));
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(T)>(std::move(start), use_task);
  }

  // What was set, if it was.
  std::optional<T> peek() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  struct Waiter {
    Executor executor;
    boost::asio::any_completion_handler<void(T)> handler;
  };

  // Only after value_ is set: it never changes again.
  void resume(Waiter waiter) {
    auto call = [handler = std::move(waiter.handler), value = *value_]() mutable { std::move(handler)(std::move(value)); };
    boost::asio::post(waiter.executor, std::move(call));
  }

  mutable std::mutex mutex_;
  std::optional<T> value_;       // guarded by mutex_ until set, constant afterwards
  std::vector<Waiter> waiters_;  // guarded by mutex_
};

}  // namespace entrepot
