// What the connections of one worker share: the list of them, the sweep that keeps their
// deadlines, spare buffers, the Date header.
#pragma once

#include "input_buffer.h"

#include "entrepot/base/disk_pool.h"
#include "entrepot/base/gate.h"
#include "entrepot/base/task.h"
#include "entrepot/serve/options.h"
#include "entrepot/serve/server.h"

#include <boost/asio/basic_waitable_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::serve {

class Connection;

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

// What all lanes and the listener of a server share. Constant but for the gate, which is thread-safe.
struct Shared {
  Shared(Options given, DiskPool& disk_pool, Handler& called)
      : options(std::move(given)), disk(disk_pool), handler(called) {}

  const Options options;
  DiskPool& disk;
  Handler& handler;
  Gate gate;  // every connection and the listener hold a pass
};

// On its worker only, except load() and executor().
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  Lane(Executor executor, std::shared_ptr<Shared> shared);

  Executor executor() const { return executor_; }
  Shared& shared() { return *shared_; }
  const Options& options() const { return shared_->options; }
  BufferShelf& shelf() { return shelf_; }
  // Space for bytes that nobody wants; anyone's, and only until the next suspension.
  std::span<char> scratch() { return scratch_; }
  // "Tue, 15 Nov 1994 08:12:31 GMT"; valid until the next call.
  std::string_view date();

  void add(Connection& connection);
  void remove(Connection& connection);

  bool draining() const { return draining_; }
  // Closes idle connections; the others learn from draining() that they end with their response.
  void begin_drain();
  // Closes all connections.
  void cut();

  // Connections, with those on their way here.
  size_t load() const { return load_.load(std::memory_order_relaxed); }

 private:
  friend class Seat;

  static Task<> sweep(std::shared_ptr<Lane> self);
  void check_deadlines();

  const Executor executor_;
  const std::shared_ptr<Shared> shared_;
  std::atomic<size_t> load_{0};  // any thread; all below: the worker

  BufferShelf shelf_;
  std::vector<char> scratch_;
  std::vector<Connection*> connections_;
  Timer timer_;
  bool sweeping_ = false;
  bool draining_ = false;
  std::time_t date_second_ = -1;
  char date_[32];
};

// One connection's place on a lane, from accept to end.
class Seat {
 public:
  Seat(std::shared_ptr<Lane> lane, Gate::Pass pass);
  Seat(Seat&&) noexcept = default;
  ~Seat();

  explicit operator bool() const { return static_cast<bool>(pass_); }
  const std::shared_ptr<Lane>& lane() const { return lane_; }

 private:
  std::shared_ptr<Lane> lane_;  // before pass_: the gate is the lane's
  Gate::Pass pass_;
};

}  // namespace entrepot::serve
