#include "request_parser.h"

#include "head_scanner.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

namespace entrepot::serve {
namespace {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool list_has(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// Beast's parser with its callbacks left out.
class SilentParser : public http::basic_parser<true> {
 private:
  void on_request_impl(http::verb, beast::string_view, beast::string_view, int, error_code&) override {}
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(http::field, beast::string_view, beast::string_view, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(uint64_t, beast::string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, beast::string_view body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}
};

// Fills a Request, without Beast's own containers.
class HeadParser final : public SilentParser {
 public:
  Request request;
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    request.method = view_of(method);
    request.target = view_of(target);
    request.minor_version = version % 10;
    request.headers.reserve(8);
  }

  void on_field_impl(http::field field, beast::string_view name, beast::string_view value, error_code&) override {
    if (field == http::field::host) ++hosts;
    if (field == http::field::content_length) ++lengths;
    if (field == http::field::transfer_encoding) ++encodings;
    std::string key = lower(view_of(name));
    for (auto& [known, joined] : request.headers) {
      if (known != key) continue;
      joined += ", ";
      joined += view_of(value);
      return;
    }
    request.headers.emplace_back(std::move(key), view_of(value));
  }
};

// What may stand in an authority; its structure is nobody's business here.
bool is_authority(std::string_view host) {
  constexpr std::string_view kMarks = "-._~:[]%!$&'()*+;=";
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kMarks.find(c) != std::string_view::npos;
  });
}

void set_host(Request& request, std::string_view authority) {
  for (auto& [name, value] : request.headers) {
    if (name == "host") value = authority;
  }
}

// Reduces an absolute-form target to what is behind the authority, which replaces Host (RFC 9112, 3.2.2).
bool reduce_target(Request& request) {
  const std::string_view target = request.target;
  if (target.front() == '/') return true;
  if (request.method == "CONNECT") return is_authority(target);
  if (target == "*") return request.method == "OPTIONS";
  const size_t scheme = equals_ignoring_case(target.substr(0, 7), "http://")    ? 7
                        : equals_ignoring_case(target.substr(0, 8), "https://") ? 8
                                                                                : 0;
  if (scheme == 0) return false;
  const size_t end = std::min(target.find_first_of("/?", scheme), target.size());
  const std::string authority(target.substr(scheme, end - scheme));
  if (authority.empty() || !is_authority(authority)) return false;
  set_host(request, authority);
  std::string rest(target.substr(end));
  if (rest.empty() || rest.front() != '/') rest.insert(0, 1, '/');
  request.target = std::move(rest);
  return true;
}

std::optional<Refusal> check_host(const HeadParser& head) {
  if (head.hosts > 1) return Refusal{400, "the request has more than one Host header"};
  if (head.hosts == 0 && head.request.minor_version == 1) return Refusal{400, "the request has no Host header"};
  if (!is_authority(head.request.header("host"))) return Refusal{400, "the Host header is malformed"};
  return std::nullopt;
}

std::optional<Refusal> read_framing(const HeadParser& head, BodyFraming& body) {
  if (head.encodings > 0 && head.lengths > 0) {
    return Refusal{400, "the request has both Content-Length and Transfer-Encoding"};
  }
  if (head.encodings > 0) {
    if (head.request.minor_version == 0) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (head.encodings > 1 || !equals_ignoring_case(head.request.header("transfer-encoding"), "chunked")) {
      return Refusal{400, "the Transfer-Encoding is not simply chunked"};
    }
    body.chunked = true;
  }
  if (head.lengths > 1) return Refusal{400, "the request has more than one Content-Length"};
  if (head.lengths == 1) {
    const std::string_view text = head.request.header("content-length");
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), body.length);
    const bool digits = !text.empty() && text.front() >= '0' && text.front() <= '9';
    if (!digits || failure != std::errc() || end != text.data() + text.size() ||
        body.length > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Refusal{400, "the Content-Length is malformed"};
    }
  }
  return std::nullopt;
}

bool wants_keep_alive(const Request& request) {
  const std::string_view connection = request.header("connection");
  if (list_has(connection, "close")) return false;
  return request.minor_version == 1 || list_has(connection, "keep-alive");
}

// Beast stops at the first framing header that contradicts another; what it lets pass is checked again.
std::optional<Refusal> run_beast(HeadParser& head, std::string_view bytes) {
  error_code ec;
  head.header_limit(std::numeric_limits<uint32_t>::max());
  head.body_limit(boost::none);
  head.put(asio::buffer(bytes.data(), bytes.size()), ec);
  if (ec == http::error::bad_content_length || ec == http::error::multiple_content_length ||
      ec == http::error::bad_transfer_encoding) {
    return Refusal{400, "the Content-Length or Transfer-Encoding is malformed or contradictory"};
  }
  if (ec || !head.is_header_done()) return Refusal{400, "the request head is malformed"};
  return std::nullopt;
}

}  // namespace

std::variant<ParsedHead, Refusal> parse_head(std::string_view bytes) {
  HeadParser head;
  ParsedHead parsed;
  if (const auto refusal = run_beast(head, bytes)) return *refusal;
  if (const auto refusal = check_host(head)) return *refusal;
  if (const auto refusal = read_framing(head, parsed.body)) return *refusal;
  if (!reduce_target(head.request)) return Refusal{400, "the request target is malformed"};
  const std::string_view expect = head.request.header("expect");
  if (!expect.empty() && !equals_ignoring_case(expect, "100-continue")) {
    return Refusal{417, "only 100-continue can be expected"};
  }
  parsed.expects_continue = !expect.empty() && head.request.minor_version == 1;
  parsed.keep_alive = wants_keep_alive(head.request);
  parsed.request = std::move(head.request);
  return parsed;
}

struct ChunkedBody::Parser {
  SilentParser beast;
  bool started = false;
};

// Beast's parser walks on into the body from any head that announces chunks.
ChunkedBody::ChunkedBody() : parser_(std::make_unique<Parser>()) {
  constexpr std::string_view kHead = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  error_code ec;
  parser_->beast.body_limit(boost::none);
  parser_->beast.put(asio::buffer(kHead.data(), kHead.size()), ec);
}

ChunkedBody::~ChunkedBody() = default;

// The shortest body has five bytes: Beast asserts that it sees so many when the first chunk is the
// last.
ChunkedBody::State ChunkedBody::feed(std::string_view bytes, size_t& consumed) {
  constexpr size_t kShortest = std::string_view("0\r\n\r\n").size();
  consumed = 0;
  if (!parser_->started && bytes.size() < kShortest) return State::kMore;
  parser_->started = true;
  while (!parser_->beast.is_done()) {
    error_code ec;
    const auto rest = bytes.substr(consumed);
    if (rest.empty()) return State::kMore;
    consumed += parser_->beast.put(asio::buffer(rest.data(), rest.size()), ec);
    if (ec == http::error::need_more) return State::kMore;
    if (ec) return State::kBad;
  }
  return State::kDone;
}

}  // namespace entrepot::serve
