#include "entrepot/serve/worker_pool.h"

#include "entrepot/base/promise.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include <future>
#include <memory>
#include <set>
#include <thread>

namespace entrepot::serve {
namespace {

std::thread::id thread_of(Executor executor) {
  std::promise<std::thread::id> id;
  boost::asio::post(executor, [&id] { id.set_value(std::this_thread::get_id()); });
  return id.get_future().get();
}

TEST(WorkerPool, EachWorkerIsOneThread) {
  WorkerPool pool(3);
  std::set<std::thread::id> threads;
  for (size_t i = 0; i < pool.size(); ++i) {
    threads.insert(thread_of(pool.executor(i)));
    EXPECT_EQ(thread_of(pool.executor(i)), thread_of(pool.executor(i)));
  }
  EXPECT_EQ(threads.size(), 3u);
}

TEST(WorkerPool, AnyTakesTurns) {
  WorkerPool pool(2);
  EXPECT_NE(thread_of(pool.any()), thread_of(pool.any()));
}

Task<> wait_forever(std::shared_ptr<int> held, std::shared_ptr<std::promise<void>> waiting) {
  waiting->set_value();
  co_await sleep_for(1'000'000);
  *held = 1;
}

TEST(WorkerPool, StopDestroysWhatWaits) {
  WorkerPool pool(2);
  const auto held = std::make_shared<int>(0);
  const auto waiting = std::make_shared<std::promise<void>>();
  spawn_logged(pool.executor(1), wait_forever(held, waiting), "test");
  waiting->get_future().wait();
  pool.stop();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
  pool.stop();
}

TEST(WorkerPool, StopRunsWhatIsQueued) {
  int runs = 0;
  {
    WorkerPool pool(1);
    for (int i = 0; i < 1000; ++i) boost::asio::post(pool.executor(0), [&runs] { ++runs; });
  }
  EXPECT_EQ(runs, 1000);
}

TEST(WorkerPool, AnExceptionDoesNotEndAWorker) {
  WorkerPool pool(1);
  boost::asio::post(pool.executor(0), [] { throw std::runtime_error("a bug"); });
  EXPECT_NE(thread_of(pool.executor(0)), std::this_thread::get_id());
}

}  // namespace
}  // namespace entrepot::serve
