#include "host_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

namespace entrepot::admin {
namespace {

// The host without its port and brackets, lower-case.
std::string bare_host(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  std::string bare(host);
  std::transform(bare.begin(), bare.end(), bare.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return bare;
}

bool is_address(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 || ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace

bool host_allowed(std::string_view host, const std::vector<std::string>& names) {
  const std::string bare = bare_host(host);
  return is_address(bare) || bare == "localhost" || std::find(names.begin(), names.end(), bare) != names.end();
}

}  // namespace entrepot::admin
