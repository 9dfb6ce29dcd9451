#include "head_scanner.h"

#include <algorithm>
#include <array>

namespace entrepot::serve {
namespace {

constexpr size_t kMaxFields = 128;
constexpr char kTlsHandshake = 0x16;

constexpr uint8_t kToken = 1;   // RFC 9110 tchar
constexpr uint8_t kValue = 2;   // may stand in a field's value
constexpr uint8_t kTarget = 4;  // may stand in a request target

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (int c = 0x21; c < 0x7f; ++c) classes[c] = kValue | kTarget;
  for (int c = 0x80; c < 0x100; ++c) classes[c] = kValue;
  classes[' '] = classes['\t'] = kValue;
  for (int c = '0'; c <= '9'; ++c) classes[c] |= kToken;
  for (int c = 'a'; c <= 'z'; ++c) classes[c] |= kToken;
  for (int c = 'A'; c <= 'Z'; ++c) classes[c] |= kToken;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) classes[static_cast<uint8_t>(c)] |= kToken;
  return classes;
}();

bool is(char c, uint8_t kind) { return (kClasses[static_cast<uint8_t>(c)] & kind) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr Refusal kMalformedLine{400, "the request line is malformed"};

}  // namespace

bool is_token_char(char c) { return is(c, kToken); }

bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char); }

std::optional<Refusal> check_request_line(std::string_view line) {
  const size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos || !is_token(line.substr(0, method_end))) return kMalformedLine;
  const size_t target_end = line.find(' ', method_end + 1);
  if (target_end == std::string_view::npos) return kMalformedLine;
  const auto target = line.substr(method_end + 1, target_end - method_end - 1);
  if (target.empty() || !std::all_of(target.begin(), target.end(), [](char c) { return is(c, kTarget); })) {
    return kMalformedLine;
  }
  const auto version = line.substr(target_end + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7])) {
    return kMalformedLine;
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return std::nullopt;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  if (at_ == At::kDone) return State::kComplete;
  if (refusal_.status != 0) return State::kRefused;
  while (next_ < bytes.size()) {
    if (next_ - begin_ >= limits_.head) return refuse(431, "the request head is too long");
    if (auto refusal = step(bytes[next_], bytes)) return refuse(refusal->status, refusal->reason);
    ++next_;
    if (at_ == At::kDone) return State::kComplete;
  }
  return State::kMore;
}

HeadScanner::State HeadScanner::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  return State::kRefused;
}

std::optional<Refusal> HeadScanner::step(char c, std::string_view bytes) {
  switch (at_) {
    case At::kFirst: return first(c);
    case At::kEmptyLineEnd: begin_ = next_ + 1; return line_feed(c, At::kStart);
    case At::kStart:
    case At::kLine: return line(c);
    case At::kLineEnd:
      if (auto refusal = line_feed(c, At::kFieldStart)) return refusal;
      return check_request_line(bytes.substr(begin_, next_ - 1 - begin_));
    case At::kFieldStart: return field_start(c);
    case At::kName: return name(c);
    case At::kValue: return value(c);
    case At::kValueEnd: return line_feed(c, At::kFieldStart);
    case At::kEnd: return line_feed(c, At::kDone);
    case At::kDone: break;
  }
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::first(char c) {
  if (c == kTlsHandshake) return Refusal{400, "this port speaks plain HTTP, not TLS"};
  if (c == '\r') {
    at_ = At::kEmptyLineEnd;
    return std::nullopt;
  }
  return line(c);
}

std::optional<Refusal> HeadScanner::line(char c) {
  if (c == '\r' && at_ == At::kLine) {
    at_ = At::kLineEnd;
    return std::nullopt;
  }
  if (c != ' ' && !is(c, kTarget)) return kMalformedLine;
  if (next_ - begin_ >= limits_.request_line) return Refusal{414, "the request line is too long"};
  at_ = At::kLine;
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::field_start(char c) {
  if (c == '\r') {
    at_ = At::kEnd;
    return std::nullopt;
  }
  if (c == ' ' || c == '\t') return Refusal{400, "a header line is folded"};
  if (c == ':') return Refusal{400, "a header has no name"};
  if (!is_token_char(c)) return Refusal{400, "a header's name is malformed"};
  if (++fields_ > kMaxFields) return Refusal{431, "the request has too many headers"};
  at_ = At::kName;
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::name(char c) {
  if (c == ':') {
    at_ = At::kValue;
    return std::nullopt;
  }
  if (c == ' ' || c == '\t') return Refusal{400, "a blank stands in or behind a header's name"};
  if (!is_token_char(c)) return Refusal{400, "a header's name is malformed"};
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::value(char c) {
  if (c == '\r') {
    at_ = At::kValueEnd;
    return std::nullopt;
  }
  if (c == '\n') return Refusal{400, "a line ends without a carriage return"};
  if (!is(c, kValue)) return Refusal{400, "a header's value holds a control character"};
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::line_feed(char c, At next) {
  if (c != '\n') return Refusal{400, "a carriage return stands without a line feed"};
  at_ = next;
  return std::nullopt;
}

}  // namespace entrepot::serve
