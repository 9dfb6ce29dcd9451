// The little that speaking to a registry needs to know of URLs and header values. Pure.
#pragma once

#include "entrepot/fetch/request.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot::upstream {

struct Origin {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower-case, without a final dot; IPv6 in brackets
  uint16_t port;

  bool operator==(const Origin&) const = default;
};

// Nothing if it is not http(s), has a user part, or a host that different parsers may read
// differently.
std::optional<Origin> parse_origin(std::string_view url);

// Everything but RFC 3986's unreserved characters is escaped.
std::string percent_encode(std::string_view text);
std::string base64_encode(std::string_view bytes);

// True if a Link header of the answer has rel="next" (RFC 8288).
bool has_next_page(const fetch::ResponseHead& head);
// The first byte of a Content-Range in bytes; nothing if there is none.
std::optional<uint64_t> content_range_start(const fetch::ResponseHead& head);

}  // namespace entrepot::upstream
