// The bytes of a response head. Pure.
#pragma once

#include "entrepot/serve/response.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot::serve {

enum class KeepAlive : uint8_t {
  kImplied,  // HTTP/1.1 goes on unless told otherwise
  kSaid,     // HTTP/1.0 goes on only if told
  kClose,
};

struct Framing {
  std::optional<uint64_t> content_length;
  bool chunked = false;
  KeepAlive keep_alive = KeepAlive::kImplied;
};

// `date`: the value of Date. A control character in a value becomes a blank: what came from
// elsewhere cannot start a line of its own.
std::string format_head(const Head& head, const Framing& framing, std::string_view date);

std::string_view reason_phrase(int status);

}  // namespace entrepot::serve
