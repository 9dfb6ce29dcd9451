#include "entrepot/serve/worker_pool.h"

#include "entrepot/base/log.h"

#include <boost/asio/post.hpp>

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <exception>
#include <string>

namespace entrepot::serve {
namespace {

// sendfile has no MSG_NOSIGNAL: where a client has gone, it would kill the program.
void block_sigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void run_worker(boost::asio::io_context& context, size_t index) {
  const std::string name = "worker-" + std::to_string(index);
  pthread_setname_np(pthread_self(), name.c_str());
  block_sigpipe();
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& e) {
      log_error("an exception left a worker's queue", {{"worker", index}, {"error", e.what()}});
    }
  }
}

}  // namespace

WorkerPool::WorkerPool(size_t workers) {
  for (size_t i = 0; i < std::max<size_t>(workers, 1); ++i) {
    workers_.push_back(std::make_unique<Worker>());
    auto& worker = *workers_.back();
    worker.thread = std::thread([&context = worker.context, i] { run_worker(context, i); });
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  for (auto& worker : workers_) {
    if (!worker->thread.joinable()) continue;
    // Posted, so that it comes behind what is queued.
    boost::asio::post(worker->context, [&context = worker->context] { context.stop(); });
  }
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  // Only now: a coroutine that is destroyed may hold what belongs to another worker.
  for (auto& worker : workers_) worker->context.shutdown();
}

Executor WorkerPool::executor(size_t index) { return workers_[index]->context.get_executor(); }

Executor WorkerPool::any() { return executor(next_.fetch_add(1, std::memory_order_relaxed) % size()); }

}  // namespace entrepot::serve
