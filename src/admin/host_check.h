// Who a request on the debug address says that it wants to talk to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace entrepot::admin {

// True if `host` (the Host header) is an IP address literal, "localhost", or one of `names`, with
// or without a port. A page that reaches this address through a name of its own (DNS rebinding)
// sends that name here; an address literal cannot be rebound.
bool host_allowed(std::string_view host, const std::vector<std::string>& names);

}  // namespace entrepot::admin
