// An outbound HTTP request and what its answer begins with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace entrepot::fetch {

struct Timeouts {
  std::chrono::milliseconds connect{5'000};
  // From the start of the request to the end of the answer's head (redirects included).
  std::chrono::milliseconds head{20'000};
  // A body that brings less than 1 KiB/s for this long is given up.
  std::chrono::milliseconds stall{30'000};
};

struct Request {
  std::string method = "GET";  // GET, HEAD or POST
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // POST only
  // Sent as `Range: bytes=FROM-`.
  std::optional<uint64_t> range_from;
  // Redirects are followed within http and https, five at most, never from https to http.
  // Authorization is only ever sent to the scheme, host and port of `url`.
  bool follow_redirects = true;
  Timeouts timeouts;
};

struct ResponseHead {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in their order
  std::string url;                                           // after redirects

  // The first value of `name` (lower case), or empty.
  std::string_view header(std::string_view name) const;
  // Content-Length of a body without Transfer-Encoding and Content-Encoding.
  std::optional<uint64_t> content_length() const;
};

struct Response {
  ResponseHead head;
  std::string body;
};

}  // namespace entrepot::fetch
