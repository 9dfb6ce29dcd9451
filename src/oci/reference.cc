#include "entrepot/oci/reference.h"

#include <algorithm>

namespace entrepot::oci {
namespace {

constexpr size_t kMaxNameLength = 255;
constexpr size_t kMaxTagLength = 128;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_path_component(std::string_view text) {
  size_t i = 0;
  for (;;) {
    const size_t word = i;
    while (i < text.size() && is_lower_alnum(text[i])) ++i;
    if (i == word) return false;
    if (i == text.size()) return true;
    const size_t separator = i;
    while (i < text.size() && text[i] == text[separator] && !is_lower_alnum(text[i])) ++i;
    const size_t length = i - separator;
    switch (text[separator]) {
      case '.':
        if (length > 1) return false;
        break;
      case '_':
        if (length > 2) return false;
        break;
      case '-': break;
      default: return false;
    }
  }
}

std::string shown(std::string_view text) { return "'" + std::string(text.substr(0, 300)) + "'"; }

}  // namespace

Result<RepositoryName> RepositoryName::parse(std::string_view text) {
  const Error wrong{Error::Code::kInvalid, shown(text) + " is not a repository name (lower-case words, separated by / . _ or -, 255 characters at most)"};
  if (text.empty() || text.size() > kMaxNameLength) return wrong;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('/', start), text.size());
    if (!is_path_component(text.substr(start, end - start))) return wrong;
    start = end + 1;
  }
  return RepositoryName(std::string(text));
}

Result<Tag> Tag::parse(std::string_view text) {
  const bool starts_well = !text.empty() && (is_alnum(text[0]) || text[0] == '_');
  const auto belongs = [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; };
  if (!starts_well || text.size() > kMaxTagLength || !std::all_of(text.begin(), text.end(), belongs)) {
    return Error{Error::Code::kInvalid, shown(text) + " is not a tag (letters, digits, _ . -, 128 characters at most)"};
  }
  return Tag(std::string(text));
}

std::string to_string(const Reference& reference) {
  if (const auto* tag = std::get_if<Tag>(&reference)) return tag->str();
  return std::get<Digest>(reference).to_string();
}

Result<std::string> parse_registry_host(std::string_view text) {
  const Error wrong{Error::Code::kInvalid, shown(text) + " is not a registry's host name (host or host:port)"};
  if (text.empty() || text.size() > 255) return wrong;
  std::string_view host = text;
  std::string_view port;
  if (text[0] == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong;
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  const auto in_name = [](char c) { return is_alnum(c) || c == '.' || c == '-'; };
  const auto in_address = [](char c) { return is_alnum(c) || c == '.' || c == ':'; };
  const bool host_ok = text[0] == '[' ? std::all_of(host.begin(), host.end(), in_address)
                                      : std::all_of(host.begin(), host.end(), in_name);
  if (host.empty() || !host_ok) return wrong;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!port.empty() && (port[0] != ':' || port.size() < 2 || port.size() > 6 || !std::all_of(port.begin() + 1, port.end(), is_digit))) {
    return wrong;
  }
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace entrepot::oci
