// A body is complete only if finish() (or send) came to its end: every other way out leaves the
// state at kBody or kBroken, and the connection is cut.
#include "response_writer.h"

#include "cold_file.h"

#include "entrepot/base/log.h"

#include <algorithm>
#include <charconv>

namespace entrepot::serve {
namespace {

// So much is probed, warmed and sent at a time.
constexpr uint64_t kSlice = 1 << 20;

}  // namespace

bool ResponseWriter::has_body(int status) const {
  return !asked_.head_only && status != 204 && status != 304 && status >= 200;
}

bool ResponseWriter::misused(std::string_view what) {
  log_error("a handler misused its response", {{"what", what}, {"status", status_}});
  state_ = State::kBroken;
  return false;
}

// False if there is nobody to answer.
bool ResponseWriter::start(int status) {
  if (state_ != State::kNew) return misused("a second head");
  if (!stream_.is_open()) {
    state_ = State::kBroken;
    return false;
  }
  status_ = status;
  return true;
}

KeepAlive ResponseWriter::keep_alive() const {
  if (!asked_.keep_alive || lane_.draining() || body_ == Body::kToEnd) return KeepAlive::kClose;
  return asked_.minor_version == 0 ? KeepAlive::kSaid : KeepAlive::kImplied;
}

// True if the write went well; else nothing more can be sent.
bool ResponseWriter::settle(Stream::Status status) {
  if (status == Stream::Status::kOk) return true;
  timed_out_ = status == Stream::Status::kTimedOut;
  state_ = State::kBroken;
  return false;
}

Task<bool> ResponseWriter::send(Head head, std::string body) {
  if (!start(head.status)) co_return false;
  Framing framing;
  // A length in a 304 would have to be that of the 200.
  if (head.status != 204 && (head.status != 304 || !body.empty())) framing.content_length = body.size();
  if (!has_body(head.status)) body.clear();
  framing.keep_alive = keep_alive_ = keep_alive();
  const std::string bytes = format_head(head, framing, lane_.date());
  const Stream::Status status = co_await stream_.write(bytes, body, false);
  if (!settle(status)) co_return false;
  body_bytes_ = body.size();
  state_ = State::kFinished;
  co_return true;
}

Task<bool> ResponseWriter::send_head_only(Head head, std::optional<uint64_t> length) {
  if (!start(head.status)) co_return false;
  Framing framing;
  framing.content_length = length;
  if (head.status == 204) framing.content_length.reset();
  // Any other answer has a body, if an empty one.
  if (has_body(head.status)) framing.content_length = 0;
  framing.keep_alive = keep_alive_ = keep_alive();
  const std::string bytes = format_head(head, framing, lane_.date());
  const Stream::Status status = co_await stream_.write(bytes, {}, false);
  if (!settle(status)) co_return false;
  state_ = State::kFinished;
  co_return true;
}

Task<bool> ResponseWriter::begin(Head head, std::optional<uint64_t> length, Response::FirstPiece first_piece) {
  if (!start(head.status)) co_return false;
  Framing framing;
  if (head.status != 204) framing.content_length = length;
  if (has_body(head.status)) {
    body_ = length ? Body::kLength : asked_.minor_version == 0 ? Body::kToEnd : Body::kChunked;
  }
  framing.chunked = body_ == Body::kChunked;
  framing.keep_alive = keep_alive_ = keep_alive();
  remaining_ = length.value_or(0);
  state_ = State::kBody;
  const bool body_follows = body_ != Body::kNone && (body_ != Body::kLength || remaining_ > 0);
  // The kernel would hold a head back for 200 ms in the hope of more.
  const bool more = body_follows && first_piece == Response::FirstPiece::kAtHand;
  const std::string bytes = format_head(head, framing, lane_.date());
  const Stream::Status status = co_await stream_.write(bytes, {}, more);
  co_return settle(status);
}

// "\r\n" of the chunk before, and the size of the next.
std::string ResponseWriter::take_chunk_start(uint64_t size) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, size, 16);
  std::string start = chunk_open_ ? "\r\n" : "";
  start.append(digits, end.ptr);
  start += "\r\n";
  chunk_open_ = true;
  return start;
}

Task<bool> ResponseWriter::send_file(int fd, uint64_t offset, uint64_t count) {
  if (state_ == State::kBroken) co_return false;
  if (state_ != State::kBody) co_return misused("send_file without begin");
  if (body_ == Body::kNone || count == 0) co_return true;
  if (body_ == Body::kLength && count > remaining_) co_return misused("more body than announced");
  if (body_ == Body::kChunked) {
    const std::string chunk = take_chunk_start(count);
    const Stream::Status status = co_await stream_.write(chunk, {}, true);
    if (!settle(status)) co_return false;
  }
  while (count > 0) {
    const uint64_t slice = std::min(count, kSlice);
    const bool sent = co_await send_slice(fd, offset, slice);
    if (!sent) co_return false;
    offset += slice;
    count -= slice;
  }
  co_return true;
}

Task<bool> ResponseWriter::send_slice(int fd, uint64_t offset, uint64_t count) {
  if (is_cold(fd, offset, count)) {
    const bool warmed = co_await warm(fd, offset, count);
    if (!warmed) co_return false;
  }
  const Stream::Status status = co_await stream_.write_file(fd, offset, count);
  const uint64_t sent = stream_.file_bytes();
  body_bytes_ += sent;
  if (body_ == Body::kLength) remaining_ -= sent;
  if (status == Stream::Status::kBadFile) {
    log_error("a body's file is shorter than promised or cannot be read, the response is cut",
              {{"offset", offset + sent}, {"missing", count - sent}});
  }
  co_return settle(status);
}

Task<bool> ResponseWriter::warm(int fd, uint64_t offset, uint64_t count) {
  const WarmUp work{fd, offset, count};
  const Result<void> warmed = co_await lane_.shared().disk.run(work);
  if (warmed.has_value()) co_return true;
  log_error("a body's file cannot be read, the response is cut", {{"error", warmed.error().message}});
  state_ = State::kBroken;
  co_return false;
}

Task<bool> ResponseWriter::finish() {
  if (state_ == State::kBroken) co_return false;
  if (state_ != State::kBody) co_return misused("finish without begin");
  if (body_ == Body::kLength && remaining_ > 0) co_return misused("less body than announced");
  if (body_ == Body::kChunked) {
    const std::string_view end = chunk_open_ ? "\r\n0\r\n\r\n" : "0\r\n\r\n";
    const Stream::Status status = co_await stream_.write(end, {}, false);
    if (!settle(status)) co_return false;
  }
  state_ = State::kFinished;
  co_return true;
}

}  // namespace entrepot::serve
