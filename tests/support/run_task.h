// Runs coroutines for a test's own thread, which waits for them.
#pragma once

#include "entrepot/base/task.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace entrepot::support {

// A few io_contexts, each with its own thread, as a server's workers are. They live until the
// program ends: who posts to an io_context may still be inside post() when the posted work has
// been done, so that none may be destroyed just because its task has ended.
class TestWorkers {
 public:
  static constexpr size_t kCount = 4;

  static TestWorkers& instance() {
    static TestWorkers workers;
    return workers;
  }
  Executor executor(size_t index) { return workers_[index % kCount]->context.get_executor(); }

 private:
  struct Worker {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<Executor> busy{context.get_executor()};
    std::jthread thread{[this] { context.run(); }};
    ~Worker() { context.stop(); }
  };

  TestWorkers() {
    for (auto& worker : workers_) worker = std::make_unique<Worker>();
  }
  std::array<std::unique_ptr<Worker>, kCount> workers_;
};

// Counts down to what a test waits for.
class Countdown {
 public:
  explicit Countdown(size_t count) : count_(count) {}
  void done() {
    std::lock_guard lock(mutex_);
    --count_;
    zero_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    zero_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  size_t count_;
};

template <class T>
Task<> store_result(Task<T> task, std::optional<T>* result) {
  result->emplace(co_await std::move(task));
}

// An exception that leaves `task` ends the test program.
inline void spawn_checked(Executor executor, Task<> task, std::shared_ptr<Countdown> countdown = nullptr) {
  auto on_end = [countdown = std::move(countdown)](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
    if (countdown) countdown->done();
  };
  boost::asio::co_spawn(executor, std::move(task), std::move(on_end));
}

// All `tasks` at once, spread over `threads` workers (4 at most); their results in the order of
// the tasks.
template <class T>
std::vector<T> run_tasks(std::vector<Task<T>> tasks, size_t threads = 1) {
  std::vector<std::optional<T>> results(tasks.size());
  auto countdown = std::make_shared<Countdown>(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Executor executor = TestWorkers::instance().executor(i % threads);
    spawn_checked(executor, store_result(std::move(tasks[i]), &results[i]), countdown);
  }
  countdown->wait();
  std::vector<T> values;
  for (auto& result : results) values.push_back(std::move(*result));
  return values;
}

template <class T>
T run_task(Task<T> task) {
  std::vector<Task<T>> tasks;
  tasks.push_back(std::move(task));
  return std::move(run_tasks(std::move(tasks)).front());
}

inline void run_task(Task<> task) {
  auto countdown = std::make_shared<Countdown>(1);
  spawn_checked(TestWorkers::instance().executor(0), std::move(task), countdown);
  countdown->wait();
}

}  // namespace entrepot::support
