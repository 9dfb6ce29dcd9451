// The JSON of tags/list. OCI distribution-spec, "Listing Tags".
#pragma once

#include "entrepot/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace entrepot::upstream {

// The tags that are well formed. No tags, or null, is an empty list; anything else that is not the
// protocol is kUpstreamInvalid.
Result<std::vector<std::string>> parse_tags(std::string_view body);

}  // namespace entrepot::upstream
