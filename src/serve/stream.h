// One connection's socket: tries at once, waits only if it would block, under one deadline.
#pragma once

#include "entrepot/base/task.h"
#include "entrepot/base/unique_fd.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace entrepot::serve {

inline constexpr auto use_tuple = boost::asio::as_tuple(use_task);

// On its worker only. A deadline is kept by somebody calling check_deadline() now and then.
class Stream {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Status {
    kOk,
    kEnd,       // the client sends no more
    kTimedOut,  // the deadline has passed
    kGone,      // broken, or closed by close() or reset()
    kBadFile,   // the file, not the client, failed
  };
  struct Read {
    Status status;
    size_t size;
  };

  // `family`: AF_INET or AF_INET6.
  Stream(Executor executor, UniqueFd socket, int family, std::chrono::milliseconds write_timeout);

  bool is_open() const { return socket_.is_open(); }
  void close();
  // The client sees an error rather than an end; what it has not received is lost.
  void reset();
  // The client sees the end, and may still be read from.
  void shutdown_send();

  // For reads. Writes have a deadline of their own: `write_timeout` without the client taking anything.
  void set_deadline(Time deadline) { deadline_ = deadline; }
  void clear_deadline() { deadline_ = Time::max(); }
  // Ends a wait that is overdue.
  void check_deadline(Time now);

  Task<Status> wait_readable();
  Task<Read> read_some(std::span<char> into);

  // Writes both pieces; `more`: something follows at once, do not send a small packet for this.
  Task<Status> write(std::string_view first, std::string_view second, bool more);
  // Writes bytes of a file that are in the page cache, or else blocks.
  Task<Status> write_file(int file, uint64_t offset, uint64_t count);
  // Of a file, handed to the kernel by the last write_file, also if it failed.
  uint64_t file_bytes() const { return file_bytes_; }

  // Counts work that costs as much as sending `weight` bytes; true if this connection has kept the
  // thread for long and should yield().
  bool is_greedy(uint64_t weight);
  // Lets others run.
  Task<> yield();

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

  Task<Status> wait(Socket::wait_type what);
  Task<Status> wait_writable();
  int unsent();  // bytes that the client has not acknowledged

  Socket socket_;
  Time deadline_ = Time::max();
  const std::chrono::milliseconds write_timeout_;
  uint64_t without_pause_ = 0;  // bytes since this coroutine last suspended
  uint64_t file_bytes_ = 0;
};

}  // namespace entrepot::serve
