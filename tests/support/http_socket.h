// One accepted connection of the fake registry: blocking reads of requests, counted writes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot::support {

struct HttpRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool keep_alive = true;
};

// Used by one thread. The descriptor belongs to the caller.
class HttpSocket {
 public:
  explicit HttpSocket(int fd) : fd_(fd) {}

  // Nothing if the peer has gone or does not speak HTTP.
  std::optional<HttpRequest> read_request();
  // All of `data`, adding to `counter` as the kernel takes it; false if the peer has gone.
  bool send(std::string_view data, std::atomic<uint64_t>* counter = nullptr);
  // True as soon as the peer has gone (or the descriptor was shut down); false after `limit`.
  bool wait_gone(std::optional<std::chrono::milliseconds> limit);
  // Closing will send RST instead of FIN.
  void reset_on_close();

 private:
  bool receive();

  int fd_;
  std::string buffer_;
};

}  // namespace entrepot::support
