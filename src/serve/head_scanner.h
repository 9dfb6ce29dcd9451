// Finds the end of a request head, byte by byte and strictly: what two parsers could read in two
// ways (RFC 9112, 11.2) is refused here, before a parser sees it. Pure.
#pragma once

#include "refusal.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace entrepot::serve {

class HeadScanner {
 public:
  struct Limits {
    size_t request_line;
    size_t head;
  };
  enum class State { kMore, kComplete, kRefused };

  explicit HeadScanner(Limits limits) : limits_(limits) {}

  // `bytes`: everything received since the request's first byte, so each time what it was before
  // and more. Goes on where it stopped.
  State scan(std::string_view bytes);

  size_t begin() const { return begin_; }  // of the request line: an empty line before it is skipped
  size_t end() const { return next_; }     // one past the head, once it is complete
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class At : uint8_t {
    kFirst,         // nothing yet
    kEmptyLineEnd,  // LF of an empty line before the request
    kStart,         // the request line's first byte
    kLine,
    kLineEnd,  // LF of the request line
    kFieldStart,
    kName,
    kValue,
    kValueEnd,  // LF of a field
    kEnd,       // LF of the head's last line
    kDone,
  };

  State refuse(int status, std::string_view reason);
  // What is wrong with `c` at `at_`, if something is; moves `at_` on.
  std::optional<Refusal> step(char c, std::string_view bytes);
  std::optional<Refusal> first(char c);
  std::optional<Refusal> line(char c);
  std::optional<Refusal> field_start(char c);
  std::optional<Refusal> name(char c);
  std::optional<Refusal> value(char c);
  std::optional<Refusal> line_feed(char c, At next);

  Limits limits_;
  At at_ = At::kFirst;
  size_t begin_ = 0;
  size_t next_ = 0;
  size_t fields_ = 0;
  Refusal refusal_;
};

// The request line without its end: 400 if malformed, 505 for another version than 1.0 and 1.1.
std::optional<Refusal> check_request_line(std::string_view line);

bool is_token_char(char c);
bool is_token(std::string_view text);

}  // namespace entrepot::serve
