#include "listener.h"

#include "connection.h"
#include "listen_socket.h"
#include "stream.h"

#include "entrepot/base/log.h"

#include <boost/asio/post.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace entrepot::serve {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kPause = 100ms;  // without descriptors or memory: until somebody gave some back
constexpr auto kWarningInterval = 10s;
constexpr int kBatch = 64;  // a flood of clients must not starve those who are here

}  // namespace

Listener::Listener(Executor executor, UniqueFd socket, std::shared_ptr<Shared> shared,
                   std::vector<std::shared_ptr<Lane>> lanes)
    : executor_(executor),
      shared_(std::move(shared)),
      lanes_(std::move(lanes)),
      socket_(executor, socket.release()),
      timer_(executor) {}

Task<> Listener::run(std::shared_ptr<Listener> self, Gate::Pass pass) {
  // The pass ends first: the gate is the listener's.
  const std::shared_ptr<Listener> keep = self;
  const Gate::Pass inside = std::move(pass);
  int batch = 0;
  while (self->socket_.is_open()) {
    const Accepted accepted = self->accept_one();
    if (accepted == Accepted::kOutOfResources) {
      co_await self->wait_for_resources(self->error_);
    } else if (accepted == Accepted::kNone) {
      batch = 0;
      co_await self->socket_.async_wait(asio::posix::descriptor_base::wait_read, use_tuple);
    } else if (++batch == kBatch) {
      batch = 0;
      co_await asio::post(self->executor_, use_task);
    }
  }
}

void Listener::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

// accept4 by hand: Asio's accept does not set close-on-exec.
Listener::Accepted Listener::accept_one() {
  sockaddr_storage remote{};
  socklen_t size = sizeof remote;
  UniqueFd fd(
      ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&remote), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    hand_over(std::move(fd), remote.ss_family, format_address(remote));
    return Accepted::kOne;
  }
  error_ = errno;
  switch (error_) {
    case EAGAIN: return Accepted::kNone;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM: return Accepted::kOne;  // that one client's trouble
    default: return Accepted::kOutOfResources;
  }
}

void Listener::hand_over(UniqueFd socket, int family, std::string remote) {
  size_t total = 0;
  for (const auto& lane : lanes_) total += lane->load();
  if (total >= shared_->options.max_connections) {
    shared_->handler.refused(remote, 0, "too many connections");
    return;
  }
  const auto least = std::min_element(lanes_.begin(), lanes_.end(),
                                      [](const auto& a, const auto& b) { return a->load() < b->load(); });
  Seat seat(*least, shared_->gate.enter());
  if (!seat) return;  // draining
  const Executor executor = (*least)->executor();
  Arrival arrival{std::move(seat), std::move(socket), family, std::move(remote)};
  spawn_logged(executor, serve_connection(std::move(arrival)), "connection");
}

Task<> Listener::wait_for_resources(int error) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_warning_) {
    next_warning_ = now + kWarningInterval;
    log_warn("cannot accept connections, trying on", {{"error", std::strerror(error)}});
  }
  timer_.expires_after(kPause);
  co_await timer_.async_wait(use_tuple);
}

}  // namespace entrepot::serve
