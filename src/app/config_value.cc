#include "config_value.h"

#include "entrepot/base/sizes.h"
#include "entrepot/oci/reference.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace entrepot::app {
namespace {

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_port(std::string_view text, uint64_t least) {
  const auto number = parse_number(text);
  return text.size() <= 5 && number.has_value() && *number >= least && *number <= 65535;
}

// What may stand between the brackets of [v6]:port; a zone (%eth0) is for link-local addresses to listen on.
bool is_ipv6(std::string_view text) {
  in6_addr ignored;
  const auto zone = text.find('%');
  if (zone != std::string_view::npos && zone + 1 == text.size()) return false;
  return inet_pton(AF_INET6, std::string(text.substr(0, zone)).c_str(), &ignored) == 1;
}

bool is_host_name(std::string_view text) {
  return text.size() <= 253 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '.' || c == '-' || c == '_';
         });
}

bool is_url_path_character(unsigned char c) {
  return std::isalnum(c) || std::string_view("/-._~%+=").find(static_cast<char>(c)) != std::string_view::npos;
}

// host[:port] split; the colons of an IPv6 address in brackets are its own.
std::pair<std::string_view, std::string_view> split_port(std::string_view authority) {
  const auto bracket = authority.rfind(']');
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return {authority, {}};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

// The registry's host as it is called everywhere, and nothing if it is none.
std::optional<std::string> parse_host(std::string_view authority) {
  const auto parsed = oci::parse_registry_host(authority);
  if (!parsed) return std::nullopt;
  const auto [host, port] = split_port(*parsed);
  if (host.size() + 1 < parsed->size() && !is_port(port, 1)) return std::nullopt;
  if (host.starts_with('[') && !is_ipv6(host.substr(1, host.size() - 2))) return std::nullopt;
  return *parsed;
}

}  // namespace

std::string Value::lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::vector<Value> Value::items() const {
  std::vector<Value> values;
  for (size_t i = 0; i < node_->items.size(); ++i) {
    const YamlNode& item = *node_->items[i];
    values.emplace_back(path_ + "[" + std::to_string(i) + "]", "", item.line, item, *problems_);
  }
  return values;
}

void Value::read_boolean(bool& target) const {
  // The words of YAML 1.1, which distribution reads.
  read_choice<bool>(target,
                    {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false}});
}

void Value::read_count(size_t& target, size_t least, size_t most) const {
  const auto number = parse_number(text());
  if (number.has_value() && *number >= least && *number <= most) {
    target = *number;
    return;
  }
  wrong(shown(text()) + " is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

void Value::read_size(size_t& target, size_t least, size_t most) const {
  const auto size = parse_size(text());
  if (size.has_value() && *size >= least && *size <= most) {
    target = *size;
    return;
  }
  wrong(shown(text()) + " is not a size from " + format_size(least) + " to " + format_size(most) +
        " (write 512, 64KiB or 10MB)");
}

void Value::read_duration(std::chrono::milliseconds& target, std::chrono::milliseconds least,
                          std::chrono::milliseconds most) const {
  const auto duration = parse_duration(text());
  if (duration.has_value() && *duration >= least && *duration <= most) {
    target = *duration;
    return;
  }
  const std::string hint = parse_number(text()).has_value() ? "; a number needs a unit" : "";
  wrong(shown(text()) + " is not a duration from " + format_duration(least) + " to " + format_duration(most) +
        " (write 500ms, 60s, 5m or 1h30m" + hint + ")");
}

void Value::read_text(std::string& target) const {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(text().begin(), text().end(), is_control)) {
    wrong("must be one line of text without control characters");
    return;
  }
  target = text();
}

void Value::read_address(std::string& target) const {
  const auto [host, port] = split_port(text());
  const bool v6 = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  const bool host_ok = v6 ? is_ipv6(host.substr(1, host.size() - 2)) : is_host_name(host);
  if (!host_ok || !is_port(port, 0)) {
    wrong(
        "not an address to listen on (write HOST:PORT, :PORT for every interface, or [IPV6]:PORT; PORT from 0 to "
        "65535)");
    return;
  }
  target = text();
}

void Value::read_host(std::string& target, bool with_port) const {
  const auto host = parse_host(text());
  if (!host.has_value() || (!with_port && split_port(*host).first.size() != host->size())) {
    wrong(with_port ? "not a registry's host name (write HOST or HOST:PORT, no scheme and no path)"
                    : "not a host name (no scheme, no port and no path)");
    return;
  }
  target = *host;
}

void Value::read_url(std::string& target) const {
  const std::string_view url = text();
  const auto scheme_end = url.find("://");
  const std::string scheme = lower_case(url.substr(0, scheme_end));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return wrong("not a URL of a registry (write https://HOST or http://HOST, perhaps with :PORT and /PATH)");
  }
  const std::string_view rest = url.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  std::string_view path = rest.substr(authority.size());
  if (url.find('@') != std::string_view::npos) {
    return wrong("a URL may not hold credentials; write proxy.username and proxy.password");
  }
  const auto host = parse_host(authority);
  if (!host.has_value())
    return wrong("the URL's host must be a name or an address, perhaps with :PORT from 1 to 65535");
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string within = std::string(path) + "/";
  const bool steps = within.find("//") != std::string::npos || within.find("/./") != std::string::npos ||
                     within.find("/../") != std::string::npos;
  if (!std::all_of(path.begin(), path.end(), is_url_path_character) || (!path.empty() && steps)) {
    return wrong("the URL may have a plain path, but no query, no fragment, no spaces, no '//', '.' or '..' in it");
  }
  const auto [name, port] = split_port(*host);
  const bool default_port = port == (scheme == "https" ? "443" : "80");
  target = scheme + "://" + std::string(default_port ? name : *host) + std::string(path);
}

}  // namespace entrepot::app
