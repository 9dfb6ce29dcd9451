#include "realm.h"

#include "url.h"

#include <libpsl.h>

#include <optional>
#include <string>

namespace entrepot::upstream {
namespace {

// As the URL standard's "ends in a number": such a host is an address in some notation.
bool is_address(std::string_view host) {
  if (host.starts_with('[')) return true;
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (last.starts_with("0x")) return true;
  return last.find_first_not_of("0123456789") == std::string_view::npos;
}

// Empty if the host is an address, a public suffix itself, or has none.
std::string_view registrable_domain(const std::string& host) {
  if (is_address(host) || host.find('.') == std::string::npos) return {};
  const char* domain = psl_registrable_domain(psl_builtin(), host.c_str());
  return domain == nullptr ? std::string_view() : std::string_view(domain);
}

Error refusal(std::string_view realm, std::string_view reason) {
  std::string message = "the token realm ";
  message += realm;
  message += ' ';
  message += reason;
  return {Error::Code::kUpstreamInvalid, std::move(message)};
}

}  // namespace

Result<void> check_realm(std::string_view upstream_url, std::string_view realm, bool has_credentials) {
  const std::optional<Origin> upstream = parse_origin(upstream_url);
  const std::optional<Origin> target = parse_origin(realm);
  if (!target || realm.find('#') != std::string_view::npos) return refusal(realm, "is not a URL that can be asked");
  if (!upstream) return refusal(realm, "belongs to an upstream whose URL is not valid");
  if (upstream->scheme == "https" && target->scheme == "http")
    return refusal(realm, "is http while the upstream is https");
  if (target->host == upstream->host) return ok();

  const std::string_view domain = registrable_domain(target->host);
  if (domain.empty()) return refusal(realm, "is an address or a local name that is not the upstream's");
  if (!has_credentials || domain == registrable_domain(upstream->host)) return ok();
  return refusal(realm, "is not of the upstream's domain: no credentials are sent there");
}

}  // namespace entrepot::upstream
