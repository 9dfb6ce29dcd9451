#include "listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <vector>

namespace entrepot::serve {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

struct HostPort {
  std::string host;  // empty: all
  std::string port;
};

Error failure(std::string_view address, std::string_view reason) {
  std::string message = "cannot listen on \"";
  message += address;
  message += "\": ";
  message += reason;
  return Error{Error::Code::kIo, std::move(message)};
}

Result<HostPort> split(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return failure(address, "it has no port");
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return failure(address, "an IPv6 address stands in brackets");
  }
  uint16_t number = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || ec != std::errc() || end != port.data() + port.size()) {
    return failure(address, "its port is not a number from 0 to 65535");
  }
  return HostPort{std::string(host), std::string(port)};
}

struct FreeList {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeList>;

// One attempt; an empty descriptor with errno set if it failed.
UniqueFd listen_on(const addrinfo& address) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0) return {};
  return fd;
}

}  // namespace

Result<UniqueFd> open_listen_socket(std::string_view address) {
  TRY_ASSIGN(const HostPort where, split(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(where.host.empty() ? nullptr : where.host.c_str(), where.port.c_str(), &hints, &found);
  if (failed != 0) return failure(address, ::gai_strerror(failed));
  const AddressList list(found);
  // "All" is one IPv6 socket that takes IPv4 too; of a name's addresses IPv4 comes first.
  const int first_family = where.host.empty() ? AF_INET6 : AF_INET;
  int reason = EADDRNOTAVAIL;
  for (const bool preferred : {true, false}) {
    for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
      if ((each->ai_family == first_family) != preferred) continue;
      UniqueFd fd = listen_on(*each);
      if (fd) return fd;
      reason = errno;
      if (reason == EADDRINUSE) return failure(address, std::strerror(reason));
    }
  }
  return failure(address, std::strerror(reason));
}

uint16_t local_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string format_address(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v6.sin6_port));
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

}  // namespace entrepot::serve
