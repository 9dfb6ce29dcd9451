#include "entrepot/serve/server.h"

#include "lane.h"
#include "listen_socket.h"
#include "listener.h"

#include "entrepot/base/log.h"

#include <boost/asio/post.hpp>

#include <mutex>
#include <utility>
#include <vector>

namespace entrepot::serve {
namespace {

using namespace std::chrono_literals;

// After the sockets are closed a handler ends at its next write; one that waits for something else
// is left to that (the destructor waits for it).
constexpr auto kAfterCut = 1s;
constexpr auto kReminder = 5s;

}  // namespace

struct Server::Impl {
  std::shared_ptr<Shared> shared;
  std::vector<std::shared_ptr<Lane>> lanes;
  std::shared_ptr<Listener> listener;
  uint16_t port = 0;
  std::mutex draining;  // one drain at a time

  void stop_listening();
  void on_lanes(void (Lane::*what)());
  void drain(std::chrono::milliseconds deadline);
  void wait_for_all();
};

Result<std::unique_ptr<Server>> Server::start(Options options, WorkerPool& workers, DiskPool& disk, Handler& handler) {
  TRY_ASSIGN(UniqueFd socket, open_listen_socket(options.address));
  auto impl = std::make_shared<Impl>();
  impl->port = local_port(socket.get());
  impl->shared = std::make_shared<Shared>(std::move(options), disk, handler);
  for (size_t i = 0; i < workers.size(); ++i) {
    impl->lanes.push_back(std::make_shared<Lane>(workers.executor(i), impl->shared));
  }
  const Executor executor = workers.executor(0);
  impl->listener = std::make_shared<Listener>(executor, std::move(socket), impl->shared, impl->lanes);
  spawn_logged(executor, Listener::run(impl->listener, impl->shared->gate.enter()), "listener");
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
  impl_->drain(0ms);
  impl_->wait_for_all();
}

uint16_t Server::port() const { return impl_->port; }

size_t Server::connections() const {
  size_t total = 0;
  for (const auto& lane : impl_->lanes) total += lane->load();
  return total;
}

void Server::drain(std::chrono::milliseconds deadline) { impl_->drain(deadline); }

void Server::Impl::stop_listening() {
  shared->gate.close();
  boost::asio::post(listener->executor(), [listener = listener] { listener->close(); });
}

void Server::Impl::on_lanes(void (Lane::*what)()) {
  for (const auto& lane : lanes) boost::asio::post(lane->executor(), [lane, what] { ((*lane).*what)(); });
}

void Server::Impl::drain(std::chrono::milliseconds deadline) {
  std::lock_guard lock(draining);
  stop_listening();
  on_lanes(&Lane::begin_drain);
  if (shared->gate.wait_empty(deadline)) return;
  on_lanes(&Lane::cut);
  if (!shared->gate.wait_empty(kAfterCut)) {
    log_warn("connections are closed, but some of their requests still wait for something", {});
  }
}

// The handler and the lanes' workers must not go before the last request has ended.
void Server::Impl::wait_for_all() {
  while (!shared->gate.wait_empty(kReminder)) {
    log_warn("still waiting for requests to end", {});
  }
}

}  // namespace entrepot::serve
