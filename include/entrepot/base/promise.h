// A value that comes once and that coroutines on any worker may wait for.
#pragma once

#include "entrepot/base/task.h"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
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
      const auto executor = boost::asio::get_associated_executor(handler);
      enlist({executor, std::move(handler)});
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(T)>(std::move(start), use_task);
  }

  // The same, but nothing if it takes longer than `timeout`. The calling coroutine must hold the
  // promise for as long as it waits.
  Task<std::optional<T>> wait_for(std::chrono::milliseconds timeout) {
    auto start = [this, timeout](auto handler) {
      // The value and the timer both arrive on the waiter's own thread: whoever is first answers.
      struct Race {
        boost::asio::any_completion_handler<void(std::optional<T>)> handler;
        Timer timer;
      };
      const auto executor = boost::asio::get_associated_executor(handler);
      auto race = std::make_shared<Race>(Race{std::move(handler), Timer(executor, timeout)});
      const auto answer = [race](std::optional<T> value) {
        if (!race->handler) return;
        race->timer.cancel();
        std::exchange(race->handler, nullptr)(std::move(value));
      };
      race->timer.async_wait([answer](boost::system::error_code) { answer(std::nullopt); });
      Waiter waiter{executor, [answer](T value) { answer(std::move(value)); }};
      enlist(std::move(waiter));
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(std::optional<T>)>(std::move(start),
                                                                                                             use_task);
  }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  struct Waiter {
    Executor executor;
    boost::asio::any_completion_handler<void(T)> handler;
  };

  void enlist(Waiter waiter) {
    {
      std::lock_guard lock(mutex_);
      if (!value_) {
        waiters_.push_back(std::move(waiter));
        return;
      }
    }
    resume(std::move(waiter));
  }

  // Only after value_ is set: it never changes again.
  void resume(Waiter waiter) {
    auto call = [handler = std::move(waiter.handler), value = *value_]() mutable { std::move(handler)(std::move(value)); };
    boost::asio::post(waiter.executor, std::move(call));
  }

  std::mutex mutex_;
  std::optional<T> value_;       // guarded by mutex_ until set, constant afterwards
  std::vector<Waiter> waiters_;  // guarded by mutex_
};

}  // namespace entrepot
