// WWW-Authenticate: RFC 9110 section 11.6.1 and the distribution token specification.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::oci {

struct Challenge {
  enum class Scheme { kBasic, kBearer };
  Scheme scheme;
  std::string realm;
  std::string service;  // bearer only, may be empty
  std::string scope;    // bearer only, may be empty
  std::string error;    // bearer only: "invalid_token", "insufficient_scope" or empty
};

// The challenges of one header value, in their order; schemes that are neither Basic nor Bearer,
// and what cannot be parsed, are left out. Never fails: the header is upstream's.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace entrepot::oci
