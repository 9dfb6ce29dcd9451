// Inbound HTTP/1.1: accepts, parses, calls the handler, keeps the connection.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/serve/options.h"
#include "entrepot/serve/request.h"
#include "entrepot/serve/response.h"
#include "entrepot/serve/worker_pool.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace entrepot::serve {

// What the server calls. Outlives the server.
class Handler {
 public:
  virtual ~Handler() = default;
  // On the connection's worker; `request` and `response` live until the task has ended. A handler
  // that sends nothing answers 500.
  virtual Task<> handle(const Request& request, Response& response) = 0;
  // A request that was refused before it had a meaning (400, 408, 414, 417, 431, 505), or a
  // connection above the limit (status 0). On a worker.
  virtual void refused(std::string_view remote, int status, std::string_view reason) noexcept = 0;
};

// HTTP/1.1 and 1.0, keep-alive, pipelining, Expect: 100-continue. Ambiguous framing (Content-Length
// with Transfer-Encoding or given twice, bare LF, folded lines, blanks before a colon, no or two
// Host) is refused with 400 and the connection closed. RFC 9112. Not TLS: a ClientHello gets a
// plain 400 at once.
class Server {
 public:
  // Binds and accepts at once; kIo names the address if that fails.
  static Result<std::unique_ptr<Server>> start(Options options, WorkerPool& workers, DiskPool& disk, Handler& handler);
  ~Server();  // drain(0)

  uint16_t port() const;
  size_t connections() const;

  // Closes the listener and idle connections, lets running responses finish (with
  // `Connection: close`) and cuts what still runs after `deadline`. Blocks; not on a worker.
  void drain(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace entrepot::serve
