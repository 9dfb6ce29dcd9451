// Writes the answer to one request.
#pragma once

#include "entrepot/base/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace entrepot::serve {

struct Head {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // without framing: see below
};

class Connection;

// Lives as long as the handler runs; used on the connection's worker only. Framing is decided here
// (Content-Length, Transfer-Encoding, Connection, Date): the handler never names these headers.
// A `false` says that the client is gone: nothing more can be sent, the handler returns.
class Response {
 public:
  explicit Response(Connection& connection) : connection_(connection) {}

  // Head and body in one go. For HEAD the body's length is announced and the body left out.
  Task<bool> send(Head head, std::string body);
  // The same for 304 and 204, and for a HEAD whose body is not at hand: only `length`, if known, is announced.
  Task<bool> send_head_only(Head head, std::optional<uint64_t> length);

  // A body that comes in pieces: begin, any number of send_file, finish. With a length exactly so
  // many bytes follow; without one the body is chunked (HTTP/1.1) or ends with the connection (1.0).
  // Where the first piece is not at hand, the head leaves alone; else it travels with it.
  enum class FirstPiece { kAtHand, kLater };
  Task<bool> begin(Head head, std::optional<uint64_t> length, FirstPiece first_piece = FirstPiece::kAtHand);
  // Sends `count` bytes of `fd` from `offset`. The bytes are there (written by now) and never
  // change; a thread that serves does not block on a cold disk. A read error aborts.
  Task<bool> send_file(int fd, uint64_t offset, uint64_t count);
  // The regular end of a body. Without it the connection is cut when the handler returns, so that
  // no client takes a part for the whole.
  Task<bool> finish();

  bool started() const;         // a head was sent
  int status() const;           // of the head that was sent, 0 before
  uint64_t body_bytes() const;  // of the body, handed to the kernel so far

 private:
  Connection& connection_;
};

}  // namespace entrepot::serve
