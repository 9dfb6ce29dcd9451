// Opens the socket that the server listens on.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/base/unique_fd.h"

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace entrepot::serve {

// "host:port", ":port" (all addresses, IPv6 and IPv4) or "[v6]:port". Non-blocking. Resolves
// names, so it may block; kIo names the address.
Result<UniqueFd> open_listen_socket(std::string_view address);

// 0 if it is not bound.
uint16_t local_port(int socket);

// "192.0.2.1:40000" or "[2001:db8::1]:40000".
std::string format_address(const sockaddr_storage& address);

}  // namespace entrepot::serve
