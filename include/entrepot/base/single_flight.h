// Many askers for the same thing, one piece of work.
#pragma once

#include "entrepot/base/promise.h"
#include "entrepot/base/result.h"
#include "entrepot/base/synced.h"
#include "entrepot/base/task.h"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace entrepot {

// Thread-safe. For small answers that nobody needs before they are whole (tokens, manifests,
// revalidations); a blob has its Fill. The work runs in a task of its own: it goes on when those
// who asked have left. Outlives the work (it is destroyed after the workers have stopped).
template <class Key, class Value>
class SingleFlight {
 public:
  struct Outcome {
    Result<Value> value;
    bool joined;  // true: somebody else's work was waited for
  };

  // How long the flight for `key` has been running; zero if there is none.
  std::chrono::milliseconds age(const Key& key) {
    auto flights = flights_.lock();
    const auto it = flights->find(key);
    if (it == flights->end()) return std::chrono::milliseconds(0);
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - it->second.started);
  }

  // Runs `work` (a callable that returns Task<Result<Value>>), or waits for the one that already
  // runs for `key`. The entry is gone before the waiters wake, so that the next asker starts fresh.
  template <class Work>
  Task<Outcome> run(Key key, Work work) {
    const auto executor = co_await boost::asio::this_coro::executor;
    Flight flight = enter(key, executor, std::move(work));
    Result<Value> value = co_await flight.promise->wait();
    co_return Outcome{std::move(value), flight.joined};
  }

  // The same, but nothing if it takes longer than `timeout`; the work goes on.
  template <class Work>
  Task<std::optional<Outcome>> run_for(std::chrono::milliseconds timeout, Key key, Work work) {
    const auto executor = co_await boost::asio::this_coro::executor;
    Flight flight = enter(key, executor, std::move(work));
    std::optional<Result<Value>> value = co_await flight.promise->wait_for(timeout);
    if (!value) co_return std::nullopt;
    co_return Outcome{std::move(*value), flight.joined};
  }

 private:
  using Landing = Promise<Result<Value>>;
  struct Flight {
    std::shared_ptr<Landing> promise;
    bool joined;
  };
  struct Running {
    std::shared_ptr<Landing> promise;
    std::chrono::steady_clock::time_point started;
  };

  // Takes the entry away and wakes the waiters, also when the work's coroutine is destroyed.
  struct Leader {
    SingleFlight& owner;
    Key key;
    std::shared_ptr<Landing> promise;
    bool landed = false;

    void land(Result<Value> value) {
      landed = true;
      owner.flights_.lock()->erase(key);
      promise->set(std::move(value));
    }
    ~Leader() {
      if (!landed) land(Error{Error::Code::kStopping, "the work was given up: the program is stopping"});
    }
  };

  template <class Work>
  Flight enter(const Key& key, Executor executor, Work work) {
    std::shared_ptr<Landing> promise;
    {
      auto flights = flights_.lock();
      auto [it, inserted] = flights->try_emplace(key);
      if (!inserted) return {it->second.promise, true};
      it->second = {std::make_shared<Landing>(), std::chrono::steady_clock::now()};
      promise = it->second.promise;
    }
    spawn_logged(executor, lead(key, promise, std::move(work)), "single flight");
    return {promise, false};
  }

  template <class Work>
  Task<> lead(Key key, std::shared_ptr<Landing> promise, Work work) {
    Leader leader{*this, std::move(key), std::move(promise)};
    Result<Value> value = Error{Error::Code::kInternal, "the work ended without a result"};
    try {
      value = co_await work();
    } catch (const std::exception& e) {
      value = Error{Error::Code::kInternal, std::string("unexpected failure: ") + e.what()};
    }
    leader.land(std::move(value));
  }

  Synced<std::map<Key, Running>> flights_;
};

}  // namespace entrepot
