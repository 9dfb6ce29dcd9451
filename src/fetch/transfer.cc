// Invariants: the sink hears the final head before any body, and on_done last and once. No
// exception leaves a callback, since libcurl's frames are C.
#include "transfer.h"

#include "entrepot/base/sizes.h"

#include <algorithm>
#include <utility>

namespace entrepot::fetch {
namespace {

using std::chrono::steady_clock;

constexpr long kMaxRedirects = 5;
constexpr long kBodyBuffer = 512 * 1024;
constexpr long kIdleSeconds = 90;     // an idle connection older than this is not used again
constexpr int64_t kStallRate = 1024;  // bytes a second below which a body has stalled

TimePoint after(std::chrono::milliseconds limit) {
  return limit.count() > 0 ? steady_clock::now() + limit : TimePoint::max();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), same);
}

bool has_scheme(std::string_view url, std::string_view scheme) {
  return equals_ignoring_case(url.substr(0, scheme.size()), scheme);
}

// Without user, password, query and fragment.
std::string plain_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::string(url);
  const size_t host = scheme_end + 3;
  const size_t at = url.substr(host, url.find('/', host) - host).rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, host)) + std::string(url.substr(host + at + 1));
}

}  // namespace

std::string describe(const Request& request) { return request.method + " " + plain_url(request.url); }

Transfer::Transfer(Request request, std::shared_ptr<ResponseSink> sink, const ClientOptions& options,
                   Counter& body_bytes)
    : request_(std::move(request)),
      options_(options),
      body_bytes_(body_bytes),
      sink_(std::move(sink)),
      deadline_(after(request_.timeouts.head)),
      parser_(request_.follow_redirects) {}

Transfer::~Transfer() {
  if (sink_) end(error(Error::Code::kStopping, "the program is stopping"));
}

Result<void> Transfer::prepare(TimePoint& wake_by) {
  wake_by_ = &wake_by;
  wake_by = std::min(wake_by, deadline_);
  TRY(check_request());
  easy_.reset(curl_easy_init());
  if (!easy_) return error(Error::Code::kInternal, "out of memory");
  set(CURLOPT_ERRORBUFFER, reason_.data());
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header_line);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body_piece);
  set(CURLOPT_WRITEDATA, this);
  set_limits();
  set_method();
  TRY(set_headers());
  if (set_result_ != CURLE_OK) return error(Error::Code::kInternal, curl_easy_strerror(set_result_));
  return ok();
}

// A value with a line end would become two header lines.
Result<void> Transfer::check_request() const {
  const bool known_method = request_.method == "GET" || request_.method == "HEAD" || request_.method == "POST";
  if (!known_method || has_control(request_.url))
    return error(Error::Code::kInternal, "not a request that can be sent");
  for (const auto& [name, value] : request_.headers) {
    const bool bad_name = name.empty() || has_control(name) || name.find_first_of(" :;\t") != std::string::npos;
    if (bad_name || has_control(value)) return error(Error::Code::kInternal, "a header that cannot be sent");
  }
  return ok();
}

template <class Value>
void Transfer::set(CURLoption option, Value value) {
  if (set_result_ == CURLE_OK) set_result_ = curl_easy_setopt(easy_.get(), option, value);
}

void Transfer::set_limits() {
  set(CURLOPT_NOSIGNAL, 1L);
  // Else ending a transfer whose host is being resolved blocks the loop until the resolver is done.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, request_.follow_redirects ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, kMaxRedirects);
  set(CURLOPT_REDIR_PROTOCOLS_STR, has_scheme(request_.url, "https:") ? "https" : "http,https");
  // The head of a proxy's answer to CONNECT is not the answer's.
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (request_.timeouts.connect.count() > 0) {
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.timeouts.connect.count()));
  }
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_MAXAGE_CONN, kIdleSeconds);
  if (!options_.ca_file.empty()) set(CURLOPT_CAINFO, options_.ca_file.c_str());
  if (!options_.user_agent.empty()) set(CURLOPT_USERAGENT, options_.user_agent.c_str());
}

void Transfer::set_method() {
  if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request_.method == "POST") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
  } else {
    set(CURLOPT_HTTPGET, 1L);
    set(CURLOPT_BUFFERSIZE, kBodyBuffer);
  }
}

// Range is a plain header: CURLOPT_RESUME_FROM would make a failure of an answer without a range.
Result<void> Transfer::set_headers() {
  bool complete = true;
  auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) {
      complete = false;
      return;
    }
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  };
  bool accepts = false;
  for (const auto& [name, value] : request_.headers) {
    add(value.empty() ? name + ";" : name + ": " + value);
    accepts = accepts || equals_ignoring_case(name, "accept");
  }
  if (request_.range_from) add("Range: bytes=" + std::to_string(*request_.range_from) + "-");
  if (!accepts) add("Accept:");
  add("Expect:");  // no waiting for 100
  if (!complete) return error(Error::Code::kInternal, "out of memory");
  set(CURLOPT_HTTPHEADER, headers_.get());
  return ok();
}

size_t Transfer::on_header_line(char* data, size_t size, size_t count, void* self) noexcept {
  const std::string_view line(data, size * count);
  return static_cast<Transfer*>(self)->take_header_line(line) ? line.size() : 0;
}

size_t Transfer::on_body_piece(char* data, size_t size, size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const size_t length = size * count;
  transfer.body_bytes_.add(length);
  transfer.stopped_ = transfer.sink_->on_body(bytes_of(std::string_view(data, length))) == ResponseSink::Verdict::kStop;
  // libcurl takes any other number than `length` as the wish to stop.
  if (transfer.stopped_) return length + 1;
  transfer.window_bytes_ += length;
  const int64_t wanted = transfer.request_.timeouts.stall.count() * kStallRate / 1000;
  if (transfer.window_bytes_ >= static_cast<uint64_t>(wanted)) transfer.start_window();
  return length;
}

bool Transfer::take_header_line(std::string_view line) {
  switch (parser_.feed(line)) {
    case HeadParser::Step::kMore: return true;
    case HeadParser::Step::kRedirect: return check_redirect();
    case HeadParser::Step::kFinal: return take_final_head();
    case HeadParser::Step::kTooLarge: break;
  }
  failure_ = error(Error::Code::kUpstreamInvalid, "the head of the answer is too large");
  return false;
}

bool Transfer::take_final_head() {
  head_done_ = true;
  start_window();
  parser_.head().url = effective_url();
  stopped_ = sink_->on_head(parser_.head()) == ResponseSink::Verdict::kStop;
  return !stopped_;
}

// libcurl knows only where the first URL may lead; a chain must not fall back to http either.
bool Transfer::check_redirect() {
  if (!has_scheme(effective_url(), "https:") || !has_scheme(parser_.location(), "http:")) return true;
  failure_ = error(Error::Code::kUpstreamInvalid, "a redirect from https to http is not followed");
  return false;
}

void Transfer::start_window() {
  window_bytes_ = 0;
  deadline_ = after(request_.timeouts.stall);
  *wake_by_ = std::min(*wake_by_, deadline_);
}

void Transfer::end(CURLcode code) noexcept {
  if (stopped_) return done(ok());
  if (failure_) return done(*std::move(failure_));
  if (code != CURLE_OK) return done(error_of(code));
  if (!head_done_) return done(error(Error::Code::kUpstreamInvalid, "an answer without a head"));
  done(ok());
}

void Transfer::end(Error error) noexcept { done(std::move(error)); }

void Transfer::time_out() noexcept {
  if (!head_done_) {
    const std::string limit = format_duration(request_.timeouts.head);
    return done(error(Error::Code::kUpstreamTimeout, "no answer within " + limit));
  }
  const std::string limit = format_duration(request_.timeouts.stall);
  done(error(Error::Code::kUpstreamTimeout, "the answer has stalled for " + limit));
}

void Transfer::done(Result<void> result) noexcept {
  const std::shared_ptr<ResponseSink> sink = std::exchange(sink_, nullptr);
  sink->on_done(std::move(result));
}

Error Transfer::error_of(CURLcode code) const {
  const std::string_view reason = reason_[0] != '\0' ? reason_.data() : curl_easy_strerror(code);
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:  // by a redirect; also HTTP/0.9, which is what garbage looks like
    case CURLE_WEIRD_SERVER_REPLY:
      // On a connection that was used before, it may be the rest of an earlier answer that was
      // longer than its length: worth another try, on another connection.
      if (parser_.head().status == 0 && reused_connection()) return error(Error::Code::kUpstreamDown, reason);
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_HTTP_RETURNED_ERROR:
    case CURLE_BAD_CONTENT_ENCODING: return error(Error::Code::kUpstreamInvalid, reason);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return error(Error::Code::kInternal, reason);
    default: return error(Error::Code::kUpstreamDown, reason);
  }
}

Error Transfer::error(Error::Code code, std::string_view reason) const {
  std::string message = describe(request_);
  const std::string now_at = plain_url(effective_url());
  if (!now_at.empty() && now_at != plain_url(request_.url)) message += " (now at " + now_at + ")";
  message += ": ";
  message += reason;
  return {code, std::move(message)};
}

bool Transfer::reused_connection() const {
  long connects = 1;
  if (easy_) curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connects);
  return connects == 0;
}

std::string Transfer::effective_url() const {
  char* url = nullptr;
  if (easy_) curl_easy_getinfo(easy_.get(), CURLINFO_EFFECTIVE_URL, &url);
  return url == nullptr ? std::string() : std::string(url);
}

}  // namespace entrepot::fetch
