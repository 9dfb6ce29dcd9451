#include "connection.h"

#include "head_format.h"

#include "entrepot/base/log.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>
#include <variant>

namespace entrepot::serve {
namespace {

using namespace std::chrono_literals;
using Now = std::chrono::steady_clock;

// So long, and so much, a client that was told the end may go on sending until it reads that.
constexpr auto kLingerTime = 2s;
constexpr size_t kLingerBytes = 1 << 20;

// What a request costs of the share that Stream::is_greedy measures: a client that pipelines
// small requests must not own the thread either.
constexpr uint64_t kRequestWeight = 64 << 10;

}  // namespace

Task<> serve_connection(Arrival arrival) {
  Connection connection(*arrival.seat.lane(), std::move(arrival.socket), arrival.family, std::move(arrival.remote));
  co_await connection.run();
}

Connection::Connection(Lane& lane, UniqueFd socket, int family, std::string remote)
    : lane_(lane),
      remote_(std::move(remote)),
      stream_(lane.executor(), std::move(socket), family, lane.options().write_timeout),
      input_(lane.shelf()) {
  lane_.add(*this);
}

Connection::~Connection() { lane_.remove(*this); }

void Connection::close_if_idle() {
  if (idle_) stream_.close();
}

void Connection::cut() {
  if (writer_ && !writer_->finished() && writer_->ends_with_connection()) {
    stream_.reset();
  } else {
    stream_.close();
  }
}

Task<> Connection::run() {
  Next next = Next::kRequest;
  while (next == Next::kRequest && goes_on()) {
    if (input_.empty()) {
      const bool ready = co_await wait_for_request();
      if (!ready) co_return;
    }
    next = co_await serve_one();
    if (stream_.is_greedy(kRequestWeight)) co_await stream_.yield();
  }
  if (next == Next::kLinger) co_await linger();
  if (next == Next::kReset) stream_.reset();
}

// While draining, what was already received still gets its answer (with Connection: close).
bool Connection::goes_on() const { return stream_.is_open() && (!lane_.draining() || !input_.empty()); }

Task<bool> Connection::wait_for_request() {
  input_.release_if_empty();
  stream_.set_deadline(Now::now() + lane_.options().idle_timeout);
  idle_ = true;
  const Stream::Status status = co_await stream_.wait_readable();
  idle_ = false;
  co_return status == Stream::Status::kOk;
}

Task<Connection::Next> Connection::serve_one() {
  HeadRead head = co_await read_head();
  if (!head.refusal) {
    auto parsed = parse_head(input_.view().substr(head.begin, head.end - head.begin));
    if (auto* request = std::get_if<ParsedHead>(&parsed)) {
      input_.consume(head.end);
      input_.release_if_empty();
      const Next next = co_await answer(std::move(*request));
      co_return next;
    }
    head.refusal = std::get<Refusal>(parsed);
  }
  if (head.refusal->status == 0) co_return Next::kClose;
  const Next next = co_await refuse(*head.refusal);
  co_return next;
}

Task<Connection::HeadRead> Connection::read_head() {
  HeadScanner scanner({lane_.options().max_request_line, lane_.options().max_head});
  HeadRead result;
  bool timed = false;  // until the first byte is here, the idle deadline holds
  for (;;) {
    const auto state = scanner.scan(input_.view());
    if (state == HeadScanner::State::kRefused) result.refusal = scanner.refusal();
    if (state != HeadScanner::State::kMore) break;
    if (!timed && !input_.empty()) {
      timed = true;
      stream_.set_deadline(Now::now() + lane_.options().head_timeout);
    }
    const Stream::Read read = co_await stream_.read_some(input_.room());
    if (read.status == Stream::Status::kTimedOut && timed) {
      result.refusal = Refusal{408, "the request head did not arrive in time"};
    } else if (read.status != Stream::Status::kOk) {
      result.refusal = Refusal{};
    }
    if (result.refusal) break;
    input_.received(read.size);
  }
  stream_.clear_deadline();
  result.begin = scanner.begin();
  result.end = scanner.end();
  co_return result;
}

Task<Connection::Next> Connection::refuse(Refusal refusal) {
  lane_.shared().handler.refused(remote_, refusal.status, refusal.reason);
  std::string body(refusal.reason);
  body += '\n';
  Head head{refusal.status, {}};
  head.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  writer_.emplace(stream_, lane_, Asked{});
  co_await writer_->send(std::move(head), std::move(body));
  co_return Next::kLinger;
}

// Nobody reads bodies: one that is long, or that the client holds back until it sees 100
// (Continue), ends the connection.
bool Connection::may_keep_alive(const ParsedHead& head) const {
  if (!head.keep_alive) return false;
  if (head.body.empty()) return true;
  return !head.expects_continue && head.body.length <= lane_.options().max_drained_body;
}

Task<Connection::Next> Connection::answer(ParsedHead head) {
  Asked asked;
  asked.head_only = head.request.method == "HEAD";
  asked.minor_version = head.request.minor_version;
  asked.keep_alive = may_keep_alive(head);
  writer_.emplace(stream_, lane_, asked);
  const BodyFraming body = head.body;
  head.request.remote = remote_;
  co_await call_handler(std::move(head.request));
  const Next next = after_response();
  if (next != Next::kRequest) {
    // A client that asked for the end has nothing more to say once its body is through.
    if (next == Next::kLinger && !head.keep_alive && body.empty() && input_.empty()) co_return Next::kClose;
    co_return next;
  }
  if (body.empty()) co_return Next::kRequest;
  const bool drained = co_await drain_body(body);
  if (drained) co_return Next::kRequest;
  co_return Next::kLinger;
}

Task<> Connection::call_handler(Request request) {
  Response response(*this);
  std::string failure;
  try {
    co_await lane_.shared().handler.handle(request, response);
    if (!writer_->started() && stream_.is_open()) failure = "no answer";
  } catch (const std::exception& e) {
    failure = std::string("an exception: ") + e.what();
  } catch (...) {
    failure = "an unknown exception";
  }
  if (failure.empty()) co_return;
  log_error("a handler failed", {{"failure", failure}, {"method", request.method}, {"target", request.target}});
  if (writer_->started()) co_return;
  Head head{500, {}};
  head.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  std::string body = "internal error\n";
  co_await writer_->send(std::move(head), std::move(body));
}

Connection::Next Connection::after_response() const {
  if (!stream_.is_open()) return Next::kClose;
  if (!writer_->finished()) {
    // A stuck client's bytes would stay in the kernel for minutes after a plain close.
    return writer_->timed_out() || writer_->ends_with_connection() ? Next::kReset : Next::kClose;
  }
  return writer_->keeps_alive() ? Next::kRequest : Next::kLinger;
}

Task<bool> Connection::drain_body(BodyFraming body) {
  stream_.set_deadline(Now::now() + lane_.options().head_timeout);
  bool drained = false;
  if (body.chunked) {
    drained = co_await drain_chunks();
  } else {
    drained = co_await drain_length(body.length);
  }
  stream_.clear_deadline();
  co_return drained;
}

Task<bool> Connection::drain_length(uint64_t length) {
  const size_t here = std::min<uint64_t>(length, input_.view().size());
  input_.consume(here);
  length -= here;
  while (length > 0) {
    const auto into = lane_.scratch();
    const size_t most = std::min<uint64_t>(length, into.size());
    const Stream::Read read = co_await stream_.read_some(into.first(most));
    if (read.status != Stream::Status::kOk) co_return false;
    length -= read.size;
  }
  co_return true;
}

Task<bool> Connection::drain_chunks() {
  ChunkedBody body;
  size_t drained = 0;
  for (;;) {
    size_t consumed = 0;
    const auto state = body.feed(input_.view(), consumed);
    input_.consume(consumed);
    drained += consumed;
    if (state == ChunkedBody::State::kDone) co_return true;
    if (state == ChunkedBody::State::kBad || drained > lane_.options().max_drained_body) co_return false;
    const auto room = input_.room();
    if (room.empty()) co_return false;  // a chunk's head as long as a request's may be
    const Stream::Read read = co_await stream_.read_some(room);
    if (read.status != Stream::Status::kOk) co_return false;
    input_.received(read.size);
  }
}

// Closing while bytes are unread, or before they arrive, makes the kernel answer with a reset, at
// which a client forgets the response that it has not read yet (RFC 9112, 9.6).
Task<> Connection::linger() {
  stream_.shutdown_send();
  stream_.set_deadline(Now::now() + kLingerTime);
  size_t total = 0;
  while (total < kLingerBytes) {
    const Stream::Read read = co_await stream_.read_some(lane_.scratch());
    if (read.status != Stream::Status::kOk) co_return;
    total += read.size;
  }
}

}  // namespace entrepot::serve
