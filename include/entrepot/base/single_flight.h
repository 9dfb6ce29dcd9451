// Many askers for the same thing, one piece of work.
#pragma once

#include "entrepot/base/promise.h"
#include "entrepot/base/result.h"
#include "entrepot/base/synced.h"
#include "entrepot/base/task.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace entrepot {

// Thread-safe. For small answers that nobody needs before they are whole (tokens, manifests,
// revalidations); a blob has its Fill.
template <class Key, class Value>
class SingleFlight {
 public:
  struct Outcome {
    Result<Value> value;
    bool joined;  // true: somebody else's work was waited for
  };

  // Runs `work` (a callable that returns Task<Result<Value>>), or waits for the one that already
  // runs for `key`. The entry is gone before the waiters wake, so that the next asker starts fresh.
  template <class Work>
  Task<Outcome> run(Key key, Work work) {
    Entry entry = enter(key);
    if (!entry.leads) {
      Result<Value> value = co_await entry.promise->wait();
      co_return Outcome{std::move(value), true};
    }
    Leader leader{*this, key, entry.promise};
    Result<Value> value = Error{Error::Code::kInternal, "the work ended without a result"};
    try {
      value = co_await work();
    } catch (const std::exception& e) {
      value = Error{Error::Code::kInternal, std::string("unexpected failure: ") + e.what()};
    }
    leader.finish(value);
    co_return Outcome{std::move(value), false};
  }

 private:
  using Flight = Promise<Result<Value>>;
  struct Entry {
    std::shared_ptr<Flight> promise;
    bool leads;
  };

  // Removes the entry and wakes the waiters, also when the leader's coroutine is destroyed.
  struct Leader {
    SingleFlight& owner;
    Key key;
    std::shared_ptr<Flight> promise;

    void finish(Result<Value> value) {
      owner.flights_.lock()->erase(key);
      promise->set(std::move(value));
      promise.reset();
    }
    ~Leader() {
      if (promise) finish(Error{Error::Code::kStopping, "the program is stopping"});
    }
  };

  Entry enter(const Key& key) {
    auto flights = flights_.lock();
    auto [it, inserted] = flights->try_emplace(key);
    if (inserted) it->second = std::make_shared<Flight>();
    return {it->second, inserted};
  }

  Synced<std::map<Key, std::shared_ptr<Flight>>> flights_;
};

}  // namespace entrepot
