// One request under way: the easy handle, its callbacks and its deadline.
#pragma once

#include "curl_handles.h"
#include "entrepot/base/counters.h"
#include "entrepot/base/result.h"
#include "entrepot/fetch/client.h"
#include "entrepot/fetch/request.h"
#include "head_parser.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot::fetch {

using TimePoint = std::chrono::steady_clock::time_point;

// "GET https://host/path": without user, password and query, which may be secrets.
std::string describe(const Request& request);

// Made on any thread, then used by one loop's. Calls on_done exactly once: by end(), or with
// kStopping by the destructor.
class Transfer {
 public:
  Transfer(Request request, std::shared_ptr<ResponseSink> sink, const ClientOptions& options, Counter& body_bytes);
  ~Transfer();
  Transfer(const Transfer&) = delete;

  // Makes the handle; kInternal if the request is not one that can be sent. `wake_by` is lowered
  // whenever deadline() comes to be earlier than it.
  Result<void> prepare(TimePoint& wake_by);
  CURL* handle() { return easy_.get(); }

  // When the head is overdue, or the body has stalled, unless something comes before.
  TimePoint deadline() const { return deadline_; }

  // What follows ends the transfer; the handle must be out of its multi handle by then.
  void end(CURLcode code) noexcept;
  void end(Error error) noexcept;
  void time_out() noexcept;

 private:
  static size_t on_header_line(char* data, size_t size, size_t count, void* self) noexcept;
  static size_t on_body_piece(char* data, size_t size, size_t count, void* self) noexcept;
  bool take_header_line(std::string_view line);
  bool take_final_head();
  bool check_redirect();
  void start_window();
  void done(Result<void> result) noexcept;

  Result<void> check_request() const;
  template <class Value>
  void set(CURLoption option, Value value);
  void set_limits();
  void set_method();
  Result<void> set_headers();
  Error error_of(CURLcode code) const;
  Error error(Error::Code code, std::string_view reason) const;
  bool reused_connection() const;
  std::string effective_url() const;

  const Request request_;
  const ClientOptions& options_;
  Counter& body_bytes_;
  std::shared_ptr<ResponseSink> sink_;  // gone once on_done was called
  TimePoint deadline_;
  TimePoint* wake_by_ = nullptr;
  HeadParser parser_;
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> reason_{};
  EasyHandle easy_;  // before what it points to goes
  CURLcode set_result_ = CURLE_OK;
  bool head_done_ = false;
  bool stopped_ = false;          // by a verdict
  std::optional<Error> failure_;  // found by a callback
  uint64_t window_bytes_ = 0;     // of the body since the deadline was last moved
};

}  // namespace entrepot::fetch
