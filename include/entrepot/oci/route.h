// Method-independent meaning of a request target. Pure: strings in, values out.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace entrepot::oci {

struct BaseRoute {};  // /v2/
struct CatalogRoute {};
struct ManifestRoute {
  RepositoryName repository;
  Reference reference;
};
struct BlobRoute {
  RepositoryName repository;
  Digest digest;
};
struct TagsRoute {
  RepositoryName repository;
};
struct ReferrersRoute {
  RepositoryName repository;
  Digest digest;
};

struct Query {
  std::optional<std::string> ns;    // the registry the client means (OCI "Registry Proxying")
  std::optional<std::string> n;     // page size as sent: checked where it is used
  std::optional<std::string> last;  // page start as sent
};

struct Route {
  std::variant<BaseRoute, CatalogRoute, ManifestRoute, BlobRoute, TagsRoute, ReferrersRoute> target;
  Query query;
};

// Why a target has no route; each has its code in the registry's error JSON.
enum class RouteError { kNoSuchPath, kNameInvalid, kDigestInvalid, kTagInvalid, kQueryInvalid };

// `target` is the request target as sent (path and query). The path is matched exactly and must
// be unescaped: `%`, `..`, empty segments and control characters have no route. Query values are
// percent-decoded; keys that mean nothing here are ignored, one given twice is kQueryInvalid.
boost::system::result<Route, RouteError> parse_route(std::string_view target);

}  // namespace entrepot::oci
