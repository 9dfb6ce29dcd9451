#include "entrepot/upstream/upstream.h"

#include "entrepot/oci/manifest.h"
#include "upstream_fixture.h"

#include <chrono>

namespace entrepot::upstream {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using support::run_task;

class UpstreamTest : public UpstreamFixture {
 protected:
  Result<ManifestBody> get(const std::string& reference = "latest") {
    return run_task(upstream().get_manifest(repository("library/x"), tag(reference)));
  }
  Result<TagsPage> tags(const std::string& last, size_t n) {
    return run_task(upstream().list_tags(repository("library/x"), last, n));
  }
};

TEST_F(UpstreamTest, HeadOfAManifest) {
  Result<ManifestHead> result = head();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->digest, digest(manifest_digest_));
  EXPECT_EQ(result->size, 19u);
  EXPECT_EQ(result->media_type, kType);
  const json seen = registry_.requests().at(0);
  EXPECT_EQ(seen["method"], "HEAD");
  EXPECT_NE(seen["headers"]["accept"].get<std::string>().find("manifest.list"), std::string::npos);
}

TEST_F(UpstreamTest, HeadWithoutDigestOrWithNonsense) {
  registry_.add_fault({{"headers", {{"Docker-Content-Digest", nullptr}, {"Content-Type", "A/B ; c=d"}}}, {"times", 1}});
  Result<ManifestHead> result = head();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->digest, std::nullopt);
  EXPECT_EQ(result->media_type, "a/b");
  registry_.add_fault({{"headers", {{"Docker-Content-Digest", "sha256:XYZ"}, {"Content-Type", "nonsense"}}}});
  result = head();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->digest, std::nullopt);
  EXPECT_EQ(result->media_type, "");
}

TEST_F(UpstreamTest, ARegistryWithoutHeadIsAskedByGet) {
  registry_.add_fault({{"method", "HEAD"}, {"status", 405}});
  Result<ManifestHead> result = head();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->digest, digest(manifest_digest_));
  EXPECT_EQ(result->size, 19u);
}

TEST_F(UpstreamTest, GetOfAManifestByTagAndByDigest) {
  Result<ManifestBody> body = get();
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->bytes, R"({"schemaVersion":2})");
  EXPECT_EQ(body->head.size, 19u);
  body = run_task(upstream().get_manifest(repository("library/x"), digest(manifest_digest_)));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->head.digest, digest(manifest_digest_));
}

TEST_F(UpstreamTest, AManifestIsBounded) {
  registry_.add_manifest("library/x", "most", std::string(kType), std::string(oci::kMaxManifestSize, ' '));
  registry_.add_manifest("library/x", "more", std::string(kType), std::string(oci::kMaxManifestSize + 1, ' '));
  EXPECT_TRUE(get("most"));
  Result<ManifestBody> body = get("more");
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, Error::Code::kTooLarge);
  EXPECT_NE(body.error().message.find("4.2 MiB"), std::string::npos) << body.error().message;
}

TEST_F(UpstreamTest, APathInTheUrl) {
  registry_.add_manifest("proxy/library/x", "latest", std::string(kType), "{}");
  registry_.add_fault(
      {{"path", "/hub/v2/library/x/manifests/latest"}, {"redirect", "/v2/proxy/library/x/manifests/latest"}});
  options_.remote_url = registry_.url() + "/hub";
  Result<ManifestBody> body = get();
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->bytes, "{}");
}

TEST_F(UpstreamTest, LengthOfABlob) {
  const oci::Digest blob = digest(registry_.add_blob("library/x", 5'000'000));
  Result<std::optional<uint64_t>> size = run_task(upstream().head_blob(repository("library/x"), blob));
  ASSERT_TRUE(size) << size.error().message;
  EXPECT_EQ(*size, 5'000'000u);
  registry_.add_fault({{"headers", {{"Content-Length", nullptr}}}});
  size = run_task(upstream().head_blob(repository("library/x"), blob));
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, std::nullopt);
}

TEST_F(UpstreamTest, EveryStatusHasItsError) {
  const std::pair<int, Error::Code> table[] = {
      {400, Error::Code::kUpstreamInvalid}, {401, Error::Code::kUnauthorized},    {403, Error::Code::kDenied},
      {404, Error::Code::kNotFound},        {406, Error::Code::kUpstreamInvalid}, {429, Error::Code::kRateLimited},
      {501, Error::Code::kUpstreamError},   {202, Error::Code::kUpstreamInvalid},
  };
  for (const auto& [status, code] : table) {
    registry_.control("DELETE", "/-/faults");
    registry_.control("DELETE", "/-/requests");
    registry_.add_fault({{"status", status}, {"body", R"({"errors":[{"code":"SOME_CODE","message":"some words"}]})"}});
    Result<ManifestBody> body = get();
    ASSERT_FALSE(body) << status;
    EXPECT_EQ(body.error().code, code) << status;
    const std::string begin = "fake.example/library/x: manifest latest: answered " + std::to_string(status);
    EXPECT_TRUE(body.error().message.starts_with(begin)) << body.error().message;
    EXPECT_NE(body.error().message.find("SOME_CODE"), std::string::npos) << body.error().message;
    EXPECT_EQ(registry_.count(""), 1u) << status;
  }
}

TEST_F(UpstreamTest, WhatMayPassIsTriedAgain) {
  // In this order: a kept connection that drops is tried again by libcurl itself.
  registry_.add_fault({{"drop", true}, {"times", 1}});
  registry_.add_fault({{"status", 503}, {"times", 1}});
  Result<ManifestHead> result = head();
  ASSERT_TRUE(result) << result.error().message;
  const std::map<int, uint64_t> expected = {{0, 1}, {200, 1}, {503, 1}};
  EXPECT_EQ(upstream().requests_by_status(), expected);
}

TEST_F(UpstreamTest, AttemptsAreLimited) {
  registry_.add_fault({{"status", 502}});
  EXPECT_EQ(code_of_head(), Error::Code::kUpstreamError);
  EXPECT_EQ(registry_.count(""), 3u);
}

TEST_F(UpstreamTest, ATimeoutIsNotTriedAgain) {
  registry_.add_fault({{"hang", true}});
  options_.timeouts.head = milliseconds(200);
  EXPECT_EQ(code_of_head(), Error::Code::kUpstreamTimeout);
  EXPECT_EQ(registry_.count(""), 1u);
}

TEST_F(UpstreamTest, AttemptsTogetherTakeNoMoreThanTwiceTheTimeOfOne) {
  options_.timeouts.head = milliseconds(400);
  options_.attempts = 100;
  registry_.add_fault({{"status", 503}, {"delay_ms", 300}});
  const auto start = steady_clock::now();
  EXPECT_FALSE(head());
  EXPECT_LT(steady_clock::now() - start, milliseconds(2000));
  EXPECT_LE(registry_.count(""), 3u);
}

TEST_F(UpstreamTest, AMessageNamesUpstreamRepositoryAndReason) {
  registry_.add_fault({{"drop", true}});
  options_.attempts = 1;
  Result<ManifestHead> result = head();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Error::Code::kUpstreamDown);
  EXPECT_TRUE(result.error().message.starts_with("fake.example/library/x: manifest latest: HEAD http://127.0.0.1:"))
      << result.error().message;
}

TEST_F(UpstreamTest, TagsByPages) {
  for (const char* name : {"a", "b", "c"}) registry_.add_manifest("library/x", name, std::string(kType), "{}");
  Result<TagsPage> page = tags("", 2);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(page->more);
  page = tags("b", 2);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->tags, (std::vector<std::string>{"c", "latest"}));
  EXPECT_FALSE(page->more);
  page = tags("", 0);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->tags.size(), 4u);
  EXPECT_EQ(registry_.requests().back()["target"], "/v2/library/x/tags/list");
  ASSERT_TRUE(tags("a&n=1 +%", 0));
  EXPECT_EQ(registry_.requests().back()["target"], "/v2/library/x/tags/list?last=a%26n%3D1%20%2B%25");
}

TEST_F(UpstreamTest, LyingTagsAreInvalid) {
  for (const std::string body : {"<html>", "[]", R"({"tags":[1]})", R"({"tags":["a",)"}) {
    registry_.control("DELETE", "/-/faults");
    registry_.add_fault({{"status", 200}, {"body", body}});
    Result<TagsPage> page = tags("", 0);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().code, Error::Code::kUpstreamInvalid) << body;
  }
  registry_.control("DELETE", "/-/faults");
  registry_.add_fault({{"status", 200}, {"body", std::string((8 << 20) + 1, ' ')}});
  EXPECT_EQ(tags("", 0).error().code, Error::Code::kTooLarge);
}

}  // namespace
}  // namespace entrepot::upstream
