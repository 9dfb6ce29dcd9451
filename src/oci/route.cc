#include "entrepot/oci/route.h"

#include <algorithm>
#include <utility>

namespace entrepot::oci {
namespace {

template <class T>
using RouteResult = boost::system::result<T, RouteError>;
using Target = decltype(Route::target);

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
      continue;
    }
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

RouteResult<Query> parse_query(std::string_view text) {
  Query query;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('&', start), text.size());
    const auto pair = text.substr(start, end - start);
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto key = pair.substr(0, equals);
    std::optional<std::string>* field = nullptr;
    if (key == "ns") field = &query.ns;
    if (key == "n") field = &query.n;
    if (key == "last") field = &query.last;
    if (field != nullptr) {
      auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
      if (*field || !value) return RouteError::kQueryInvalid;
      *field = std::move(*value);
    }
    start = end + 1;
  }
  return query;
}

bool only_plain_characters(std::string_view path) {
  for (char c : path) {
    if (c <= ' ' || c >= 0x7f || c == '%' || c == '\\') return false;
  }
  return path.find("//") == std::string_view::npos && path.find("/../") == std::string_view::npos &&
         path.find("/./") == std::string_view::npos && !path.ends_with("/..");
}

RouteResult<Target> manifest_route(std::string_view name, std::string_view reference) {
  const auto repository = RepositoryName::parse(name);
  if (!repository) return RouteError::kNameInvalid;
  if (reference.find(':') != std::string_view::npos) {
    const auto digest = Digest::parse(reference);
    if (!digest) return RouteError::kDigestInvalid;
    return Target(ManifestRoute{*repository, *digest});
  }
  const auto tag = Tag::parse(reference);
  if (!tag) return RouteError::kTagInvalid;
  return Target(ManifestRoute{*repository, *tag});
}

template <class DigestRoute>
RouteResult<Target> digest_route(std::string_view name, std::string_view text) {
  const auto repository = RepositoryName::parse(name);
  if (!repository) return RouteError::kNameInvalid;
  const auto digest = Digest::parse(text);
  if (!digest) return RouteError::kDigestInvalid;
  return Target(DigestRoute{*repository, *digest});
}

// `rest` is what follows "/v2/". The last two segments decide, so that a repository may be called
// anything, "blobs" and "tags" included.
RouteResult<Target> repository_route(std::string_view rest) {
  const size_t last = rest.rfind('/');
  if (last == std::string_view::npos || last == 0) return RouteError::kNoSuchPath;
  const auto leaf = rest.substr(last + 1);
  const size_t before = rest.rfind('/', last - 1);
  if (before == std::string_view::npos) return RouteError::kNoSuchPath;
  const auto verb = rest.substr(before + 1, last - before - 1);
  const auto name = rest.substr(0, before);
  if (leaf.empty()) return RouteError::kNoSuchPath;
  if (verb == "manifests") return manifest_route(name, leaf);
  if (verb == "blobs") return digest_route<BlobRoute>(name, leaf);
  if (verb == "referrers") return digest_route<ReferrersRoute>(name, leaf);
  if (verb == "tags" && leaf == "list") {
    const auto repository = RepositoryName::parse(name);
    if (!repository) return RouteError::kNameInvalid;
    return Target(TagsRoute{*repository});
  }
  return RouteError::kNoSuchPath;
}

RouteResult<Target> parse_path(std::string_view path) {
  if (!only_plain_characters(path) || !path.starts_with("/v2")) return RouteError::kNoSuchPath;
  path.remove_prefix(3);
  if (path.empty() || path == "/") return Target(BaseRoute{});
  if (path == "/_catalog") return Target(CatalogRoute{});
  if (path[0] != '/') return RouteError::kNoSuchPath;
  return repository_route(path.substr(1));
}

}  // namespace

boost::system::result<Route, RouteError> parse_route(std::string_view target) {
  const size_t mark = target.find('?');
  auto parsed = parse_path(target.substr(0, mark));
  if (!parsed) return parsed.error();
  auto query = parse_query(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
  if (!query) return query.error();
  return Route{std::move(*parsed), std::move(*query)};
}

}  // namespace entrepot::oci
