#include "entrepot/base/disk_pool.h"
#include "entrepot/base/promise.h"
#include "entrepot/base/single_flight.h"
#include "entrepot/base/task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace entrepot {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// Two threads with an io_context each, as the workers are.
class Workers {
 public:
  Workers() {
    for (auto& context : contexts_) threads_.emplace_back([&context] { context.run(); });
  }
  ~Workers() { join(); }
  Executor executor(size_t i) { return contexts_[i % 2].get_executor(); }
  // Until everything spawned has ended.
  void join() {
    guards_[0].reset();
    guards_[1].reset();
    threads_.clear();
  }

 private:
  asio::io_context contexts_[2];
  asio::executor_work_guard<Executor> guards_[2] = {asio::make_work_guard(contexts_[0]), asio::make_work_guard(contexts_[1])};
  std::vector<std::jthread> threads_;
};

Task<> add_when_set(std::shared_ptr<Promise<int>> promise, std::atomic<int>& sum) { sum += co_await promise->wait(); }

TEST(Promise, ReachesAllWhoWaitOnAnyWorkerOnce) {
  Workers workers;
  std::atomic<int> sum = 0;
  auto promise = std::make_shared<Promise<int>>();
  for (size_t i = 0; i < 100; ++i) spawn_logged(workers.executor(i), add_when_set(promise, sum), "waiter");
  promise->set(1);
  promise->set(50);  // too late
  for (size_t i = 0; i < 100; ++i) spawn_logged(workers.executor(i), add_when_set(promise, sum), "late waiter");
  workers.join();
  EXPECT_EQ(sum, 200);
}

Task<> wait_briefly(std::shared_ptr<Promise<int>> promise, std::atomic<int>& timeouts, std::atomic<int>& values) {
  const auto value = co_await promise->wait_for(milliseconds(5));
  ++(value ? values : timeouts);
}

TEST(Promise, WaitForEndsOnceWhicheverComesFirst) {
  std::atomic<int> timeouts = 0;
  std::atomic<int> values = 0;
  for (int round = 0; round < 50; ++round) {
    Workers workers;
    auto promise = std::make_shared<Promise<int>>();
    for (size_t i = 0; i < 4; ++i) spawn_logged(workers.executor(i), wait_briefly(promise, timeouts, values), "waiter");
    if (round % 2 == 0) promise->set(1);
  }
  EXPECT_EQ(timeouts + values, 200);
  EXPECT_GE(timeouts, 100);
}

struct Flights {
  SingleFlight<std::string, int> single;
  std::atomic<int> worked = 0;
  std::atomic<int> led = 0;
  std::atomic<int> joined = 0;
  std::atomic<int> failed = 0;
  Promise<int> go;
};

Task<Result<int>> work_once_told(Flights& flights) {
  ++flights.worked;
  co_return co_await flights.go.wait();
}

Task<> ask(Flights& flights) {
  auto work = [&flights] { return work_once_told(flights); };
  const auto outcome = co_await flights.single.run("key", work);
  EXPECT_EQ(*outcome.value, 7);
  ++(outcome.joined ? flights.joined : flights.led);
}

TEST(SingleFlight, DoesTheWorkOnceForAllWhoAsk) {
  Workers workers;
  Flights flights;
  for (size_t i = 0; i < 64; ++i) spawn_logged(workers.executor(i), ask(flights), "asker");
  spawn_logged(workers.executor(0), [](Flights& f) -> Task<> {
    while (f.worked == 0) co_await sleep_for(1);
    f.go.set(7);
  }(flights), "starter");
  workers.join();
  EXPECT_EQ(flights.led + flights.joined, 64);
  EXPECT_EQ(flights.worked, flights.led);
}

Task<Result<int>> fail_badly() {
  throw std::runtime_error("broken");
  co_return 1;
}

Task<> ask_for_failure(Flights& flights) {
  auto work = [] { return fail_badly(); };
  const auto outcome = co_await flights.single.run("bad", work);
  if (!outcome.value && outcome.value.error().code == Error::Code::kInternal) ++flights.failed;
}

TEST(SingleFlight, AnExceptionIsAnErrorForAllAndNotAHang) {
  Flights flights;
  {
    Workers workers;
    for (size_t i = 0; i < 16; ++i) spawn_logged(workers.executor(i), ask_for_failure(flights), "asker");
    workers.join();
  }
  EXPECT_EQ(flights.failed, 16);
}

Task<> hop(DiskPool& disk, std::atomic<int>& came_home) {
  const auto home = std::this_thread::get_id();
  auto work = []() -> Result<std::thread::id> { return std::this_thread::get_id(); };
  const auto there = co_await disk.run(std::move(work));
  if (std::this_thread::get_id() == home && *there != home) ++came_home;
}

TEST(DiskPool, WorksElsewhereAndComesHome) {
  std::atomic<int> came_home = 0;
  Workers workers;
  DiskPool disk(4);
  for (size_t i = 0; i < 200; ++i) spawn_logged(workers.executor(i), hop(disk, came_home), "hopper");
  workers.join();
  EXPECT_EQ(came_home, 200);
}

Task<> run_after_stop(DiskPool& disk, std::atomic<int>& refused) {
  auto work = []() -> Result<int> { return 1; };
  const auto result = co_await disk.run(std::move(work));
  if (!result && result.error().code == Error::Code::kStopping) ++refused;
}

TEST(DiskPool, RefusesWorkOnceItHasStopped) {
  std::atomic<int> refused = 0;
  Workers workers;
  DiskPool disk(2);
  disk.stop();
  spawn_logged(workers.executor(0), run_after_stop(disk, refused), "late");
  workers.join();
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace entrepot
