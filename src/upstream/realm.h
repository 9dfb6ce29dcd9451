// Which token service may see the credentials for an upstream. Pure.
#pragma once

#include "entrepot/base/result.h"

#include <string_view>

namespace entrepot::upstream {

// A realm comes from the answer of whoever speaks for the upstream. It is trusted with credentials
// if its host is the upstream's, or belongs to the same registrable domain (the public suffix and
// one label more); an address, or a name without a public suffix such as localhost, only if it is the
// upstream's own. A realm of another domain may be asked without credentials. Never: another scheme
// than http(s), http for an https upstream, a host that parsers may read differently.
//
// kUpstreamInvalid names the realm and the reason.
Result<void> check_realm(std::string_view upstream_url, std::string_view realm, bool has_credentials);

}  // namespace entrepot::upstream
