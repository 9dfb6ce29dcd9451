// Outbound HTTP by libcurl, on loops of its own.
#pragma once

#include "entrepot/base/counters.h"
#include "entrepot/base/hash.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/fetch/request.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace entrepot::fetch {

// Takes one answer. All three are called on one fetch loop's thread, in this order, and must not
// block on the network or on a client. The only callback interface in the program.
class ResponseSink {
 public:
  enum class Verdict { kGoOn, kStop };
  virtual ~ResponseSink() = default;
  // Once, as soon as the final head is there (not for redirects, not for 1xx).
  virtual Verdict on_head(const ResponseHead& head) noexcept = 0;
  virtual Verdict on_body(ByteSpan piece) noexcept = 0;
  // Exactly once and last, also when the client is destroyed. The error is kUpstreamDown (no
  // connection, or broken off, also when fewer bytes came than Content-Length announced),
  // kUpstreamTimeout, kUpstreamInvalid (not HTTP, redirect loop) or kStopping; it names host and
  // reason. A transfer that a Verdict stopped ends with success.
  virtual void on_done(Result<void> result) noexcept = 0;
};

struct ClientOptions {
  size_t loops = 1;
  size_t connections_per_host = 64;
  std::string ca_file;  // empty: the system's
  std::string user_agent;
};

// Thread-safe. Connections are kept and used again. HTTP/1.1 only, bodies are never decoded.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();  // stop()

  // Ends running transfers with kStopping and joins the loops; what is started later ends so too.
  void stop();

  // Starts `request`; the sink is kept alive until after on_done.
  void stream(Request request, std::shared_ptr<ResponseSink> sink);
  // The whole answer; kTooLarge if its body is longer than `max_body`.
  Task<Result<Response>> fetch(Request request, size_t max_body);

  // Body bytes received on the wire, by all transfers.
  uint64_t body_bytes() const;

 private:
  class Loop;
  const ClientOptions options_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<size_t> next_loop_{0};
  Counter body_bytes_;
};

}  // namespace entrepot::fetch
