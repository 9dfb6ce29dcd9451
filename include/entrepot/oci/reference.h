// The names of the protocol as values that cannot be wrong. OCI distribution-spec, "Pull".
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/oci/digest.h"

#include <compare>
#include <string>
#include <string_view>
#include <variant>

namespace entrepot::oci {

// A repository name of any depth, 255 characters at most:
// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
class RepositoryName {
 public:
  static Result<RepositoryName> parse(std::string_view text);
  const std::string& str() const { return text_; }
  auto operator<=>(const RepositoryName&) const = default;

 private:
  explicit RepositoryName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
class Tag {
 public:
  static Result<Tag> parse(std::string_view text);
  const std::string& str() const { return text_; }
  auto operator<=>(const Tag&) const = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

using Reference = std::variant<Tag, Digest>;
std::string to_string(const Reference& reference);

// What `?ns=` and configurations call a registry: host or host:port, lower-case letters, digits,
// dots and dashes (or an IPv6 address in brackets); kInvalid otherwise.
Result<std::string> parse_registry_host(std::string_view text);

}  // namespace entrepot::oci
