#include "entrepot/fetch/request.h"

#include <charconv>

namespace entrepot::fetch {

std::string_view ResponseHead::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::optional<uint64_t> ResponseHead::content_length() const {
  if (!header("transfer-encoding").empty() || !header("content-encoding").empty()) return std::nullopt;
  const std::string_view text = header("content-length");
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace entrepot::fetch
