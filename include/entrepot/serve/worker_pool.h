// The threads that serve: one io_context each.
#pragma once

#include "entrepot/base/task.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace entrepot::serve {

// A connection, its buffers and its coroutine live on one worker and never change it.
class WorkerPool {
 public:
  explicit WorkerPool(size_t workers);
  ~WorkerPool();  // stop()

  // Runs what is still queued up to here, then ends the threads and destroys waiting coroutines.
  // Whoever posts from elsewhere (a DiskPool) has stopped before. Executors stay valid; what is
  // posted from now on never runs.
  void stop();

  size_t size() const { return workers_.size(); }
  Executor executor(size_t index);
  // A worker by turns, for work that belongs to no connection.
  Executor any();

 private:
  // So that stop() can destroy what waits while executors stay valid until the pool is gone.
  struct Context : boost::asio::io_context {
    Context() : io_context(1) {}
    using execution_context::shutdown;
  };
  struct Worker {
    Context context;
    boost::asio::executor_work_guard<Executor> work{context.get_executor()};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<size_t> next_{0};
};

}  // namespace entrepot::serve
