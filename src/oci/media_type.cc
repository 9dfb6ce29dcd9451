#include "entrepot/oci/media_type.h"

#include <algorithm>
#include <cctype>

namespace entrepot::oci::media_type {

std::string normalized(std::string_view header) {
  auto type = header.substr(0, header.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  const auto is_token_char = [](unsigned char c) {
    return std::isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  };
  const size_t slash = type.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == type.size() || type.size() > 255) return {};
  const auto subtype = type.substr(slash + 1);
  if (!std::all_of(type.begin(), type.begin() + static_cast<long>(slash), is_token_char)) return {};
  if (!std::all_of(subtype.begin(), subtype.end(), is_token_char)) return {};
  std::string lower(type);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace entrepot::oci::media_type
