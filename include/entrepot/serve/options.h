// Limits and deadlines of inbound HTTP.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace entrepot::serve {

struct Options {
  // "host:port", ":port" or "[v6]:port"; port 0 takes a free one.
  std::string address = ":5000";
  size_t max_connections = 8192;        // one more is accepted and closed at once
  size_t max_request_line = 8 * 1024;  // longer: 414
  size_t max_head = 32 * 1024;         // longer: 431
  size_t max_drained_body = 64 * 1024;  // an unread request body longer than this ends the connection
  std::chrono::milliseconds head_timeout{10'000};  // from a request's first byte to the end of its head and body
  std::chrono::milliseconds idle_timeout{90'000};  // between requests
  std::chrono::milliseconds write_timeout{60'000};  // a client that takes nothing for so long
};

}  // namespace entrepot::serve
