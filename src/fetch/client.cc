#include "entrepot/fetch/client.h"

#include "curl_handles.h"
#include "entrepot/base/sizes.h"
#include "loop.h"
#include "transfer.h"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

namespace entrepot::fetch {
namespace {

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// Collects a small answer and resumes a coroutine with it.
class Collector final : public ResponseSink {
 public:
  using Handler = boost::asio::any_completion_handler<void(Result<Response>)>;

  Collector(std::string request, size_t max_body, Executor executor, Handler handler)
      : request_(std::move(request)), max_body_(max_body), executor_(executor), handler_(std::move(handler)) {}

  Verdict on_head(const ResponseHead& head) noexcept override {
    response_.head = head;
    // A HEAD's Content-Length announces no body.
    if (!request_.starts_with("HEAD ")) too_large_ = head.content_length().value_or(0) > max_body_;
    return too_large_ ? Verdict::kStop : Verdict::kGoOn;
  }

  Verdict on_body(ByteSpan piece) noexcept override {
    too_large_ = piece.size() > max_body_ - response_.body.size();
    if (too_large_) return Verdict::kStop;
    response_.body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return Verdict::kGoOn;
  }

  void on_done(Result<void> result) noexcept override {
    auto call = [handler = std::move(handler_), outcome = outcome(std::move(result))]() mutable {
      std::move(handler)(std::move(outcome));
    };
    boost::asio::post(executor_, std::move(call));
  }

 private:
  Result<Response> outcome(Result<void> result) {
    if (!result) return std::move(result).error();
    if (!too_large_) return std::move(response_);
    const std::string reason = "the body of the answer is larger than " + format_size(max_body_);
    return Error{Error::Code::kTooLarge, request_ + ": " + reason};
  }

  const std::string request_;
  const size_t max_body_;
  Executor executor_;
  Handler handler_;
  Response response_;
  bool too_large_ = false;
};

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)) {
  start_curl();
  for (size_t i = 0; i < std::max<size_t>(1, options_.loops); ++i) loops_.push_back(std::make_unique<Loop>(options_));
}

// All loops stop before any member goes: a sink may still start something from its on_done.
Client::~Client() { stop(); }

void Client::stop() {
  for (auto& loop : loops_) loop->stop();
}

void Client::stream(Request request, std::shared_ptr<ResponseSink> sink) {
  auto transfer = std::make_unique<Transfer>(std::move(request), std::move(sink), options_, body_bytes_);
  const size_t turn = next_loop_.fetch_add(1, std::memory_order_relaxed);
  loops_[turn % loops_.size()]->start(std::move(transfer));
}

Task<Result<Response>> Client::fetch(Request request, size_t max_body) {
  auto start = [this](auto handler, Request wanted, size_t limit) {
    const auto executor = boost::asio::get_associated_executor(handler);
    auto sink = std::make_shared<Collector>(describe(wanted), limit, executor, std::move(handler));
    stream(std::move(wanted), std::move(sink));
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(Result<Response>)>(
      std::move(start), use_task, std::move(request), max_body);
}

uint64_t Client::body_bytes() const { return body_bytes_.value(); }

}  // namespace entrepot::fetch
