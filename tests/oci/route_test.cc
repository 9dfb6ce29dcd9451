#include "entrepot/oci/route.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace entrepot::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

template <class T>
T route_as(const std::string& target) {
  const auto route = parse_route(target);
  EXPECT_TRUE(route) << target;
  return std::get<T>(route->target);
}

TEST(Route, KnowsEveryPath) {
  EXPECT_TRUE(std::holds_alternative<BaseRoute>(parse_route("/v2/")->target));
  EXPECT_TRUE(std::holds_alternative<BaseRoute>(parse_route("/v2")->target));
  EXPECT_TRUE(std::holds_alternative<CatalogRoute>(parse_route("/v2/_catalog")->target));
  EXPECT_EQ(route_as<TagsRoute>("/v2/library/nginx/tags/list").repository.str(), "library/nginx");
  EXPECT_EQ(route_as<BlobRoute>("/v2/a/b/c/blobs/" + kDigest).repository.str(), "a/b/c");
  EXPECT_EQ(route_as<ReferrersRoute>("/v2/a/referrers/" + kDigest).digest.to_string(), kDigest);
  EXPECT_EQ(to_string(route_as<ManifestRoute>("/v2/a/manifests/1.0").reference), "1.0");
  EXPECT_EQ(to_string(route_as<ManifestRoute>("/v2/a/manifests/" + kDigest).reference), kDigest);
}

TEST(Route, ARepositoryMayBeCalledLikeAVerb) {
  EXPECT_EQ(route_as<TagsRoute>("/v2/blobs/tags/list").repository.str(), "blobs");
  EXPECT_EQ(route_as<ManifestRoute>("/v2/a/tags/list/manifests/x").repository.str(), "a/tags/list");
}

struct ErrorRow {
  std::string target;
  RouteError error;
};

TEST(Route, MatchesExactlyOrNotAtAll) {
  const std::vector<ErrorRow> rows = {
      {"", RouteError::kNoSuchPath},
      {"/", RouteError::kNoSuchPath},
      {"/v1/_ping", RouteError::kNoSuchPath},
      {"/v2x", RouteError::kNoSuchPath},
      {"/v2//", RouteError::kNoSuchPath},
      {"/v2/a/blobs/", RouteError::kNoSuchPath},
      {"/v2/a/unknown/x", RouteError::kNoSuchPath},
      {"/v2/a/tags/other", RouteError::kNoSuchPath},
      {"/v2/a//blobs/" + kDigest, RouteError::kNoSuchPath},
      {"/v2/a%2fb/blobs/" + kDigest, RouteError::kNoSuchPath},
      {"/v2/a/blobs/..%2f..%2fetc%2fpasswd", RouteError::kNoSuchPath},
      {"/v2/../etc/blobs/" + kDigest, RouteError::kNoSuchPath},
      {"/v2/a/../blobs/" + kDigest, RouteError::kNoSuchPath},
      {"/v2/a/blobs/..", RouteError::kNoSuchPath},
      {std::string("/v2/a\0b/blobs/", 14) + kDigest, RouteError::kNoSuchPath},
      {"/v2/a b/tags/list", RouteError::kNoSuchPath},
      {"/v2/a\\b/tags/list", RouteError::kNoSuchPath},
      {"/v2/UPPER/tags/list", RouteError::kNameInvalid},
      {"/v2/" + std::string(256, 'a') + "/tags/list", RouteError::kNameInvalid},
      {"/v2/a/blobs/sha256:short", RouteError::kDigestInvalid},
      {"/v2/a/blobs/latest", RouteError::kDigestInvalid},
      {"/v2/a/manifests/sha256:short", RouteError::kDigestInvalid},
      {"/v2/a/manifests/.INVALID_MANIFEST_NAME", RouteError::kTagInvalid},
      {"/v2/?ns=a&ns=b", RouteError::kQueryInvalid},
      {"/v2/?ns=%zz", RouteError::kQueryInvalid},
      {"/v2/?ns=%4", RouteError::kQueryInvalid},
  };
  for (const auto& row : rows) {
    const auto route = parse_route(row.target);
    ASSERT_FALSE(route) << row.target;
    EXPECT_EQ(route.error(), row.error) << row.target;
  }
}

TEST(Route, ReadsTheQuery) {
  const auto route = parse_route("/v2/a/tags/list?n=10&last=v1%2E2&ns=docker.io&other=%zz&flag");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->query.n, "10");
  EXPECT_EQ(route->query.last, "v1.2");
  EXPECT_EQ(route->query.ns, "docker.io");
  EXPECT_FALSE(parse_route("/v2/")->query.ns);
  EXPECT_EQ(parse_route("/v2/?ns=")->query.ns, "");
}

}  // namespace
}  // namespace entrepot::oci
