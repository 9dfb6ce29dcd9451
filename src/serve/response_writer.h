// Frames one response: what Response offers, on a Stream.
#pragma once

#include "head_format.h"
#include "lane.h"
#include "stream.h"

#include "entrepot/base/task.h"
#include "entrepot/serve/response.h"

#include <cstdint>
#include <optional>
#include <string>

namespace entrepot::serve {

// What the request says about how it may be answered.
struct Asked {
  bool head_only = false;  // HEAD
  int minor_version = 1;
  bool keep_alive = false;
};

// On the connection's worker only; for one response.
class ResponseWriter {
 public:
  ResponseWriter(Stream& stream, Lane& lane, Asked asked) : stream_(stream), lane_(lane), asked_(asked) {}

  // As in Response.
  Task<bool> send(Head head, std::string body);
  Task<bool> send_head_only(Head head, std::optional<uint64_t> length);
  Task<bool> begin(Head head, std::optional<uint64_t> length, Response::FirstPiece first_piece);
  Task<bool> send_file(int fd, uint64_t offset, uint64_t count);
  Task<bool> finish();

  bool started() const { return status_ != 0; }
  int status() const { return status_; }
  uint64_t body_bytes() const { return body_bytes_; }

  bool finished() const { return state_ == State::kFinished; }
  bool timed_out() const { return timed_out_; }
  // The connection goes on after this response.
  bool keeps_alive() const { return keep_alive_ != KeepAlive::kClose; }
  // The body ends with the connection, so that a clean close says "complete".
  bool ends_with_connection() const { return body_ == Body::kToEnd; }

 private:
  enum class State : uint8_t { kNew, kBody, kFinished, kBroken };
  enum class Body : uint8_t { kNone, kLength, kChunked, kToEnd };

  bool has_body(int status) const;
  bool start(int status);
  KeepAlive keep_alive() const;
  std::string take_chunk_start(uint64_t size);
  bool settle(Stream::Status status);
  bool misused(std::string_view what);
  Task<bool> send_slice(int fd, uint64_t offset, uint64_t count);
  Task<bool> warm(int fd, uint64_t offset, uint64_t count);

  Stream& stream_;
  Lane& lane_;
  const Asked asked_;
  State state_ = State::kNew;
  Body body_ = Body::kNone;
  KeepAlive keep_alive_ = KeepAlive::kClose;
  bool chunk_open_ = false;  // the last chunk's CRLF is still to be sent
  bool timed_out_ = false;
  int status_ = 0;
  uint64_t remaining_ = 0;  // of a body with a length
  uint64_t body_bytes_ = 0;
};

}  // namespace entrepot::serve
