#include "entrepot/oci/byte_range.h"
#include "entrepot/oci/challenge.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/error_body.h"
#include "entrepot/oci/media_type.h"
#include "entrepot/oci/reference.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace entrepot::oci {
namespace {

const std::string kHex(64, 'a');

TEST(Digest, OnlyWholeLowerCaseDigestsAreDigests) {
  EXPECT_TRUE(Digest::parse("sha256:" + kHex));
  EXPECT_TRUE(Digest::parse("sha512:" + kHex + kHex));
  for (const std::string& text : std::vector<std::string>{
           "", "sha256", "sha256:", "sha256:" + kHex + "a", "sha256:" + std::string(63, 'a'), "SHA256:" + kHex, "sha256:" + std::string(64, 'A'),
           "sha512:" + kHex, "md5:" + std::string(32, 'a'), "sha256:" + std::string(63, 'a') + "g", " sha256:" + kHex, "sha256:../../etc/passwd"}) {
    EXPECT_FALSE(Digest::parse(text)) << text;
  }
}

TEST(Digest, KeepsItsTextAndItsKey) {
  const auto digest = *Digest::parse("sha256:" + kHex);
  EXPECT_EQ(digest.to_string(), "sha256:" + kHex);
  EXPECT_EQ(digest.key().size(), 33u);
  EXPECT_EQ(*Digest::from_key(digest.key()), digest);
  EXPECT_FALSE(Digest::from_key("\x01short"));
  EXPECT_FALSE(Digest::from_key(""));
  EXPECT_NE(digest, *Digest::parse("sha512:" + kHex + kHex));
  EXPECT_EQ(Digest::of(HashAlgorithm::kSha256, bytes_of("abc")).hex().substr(0, 8), "ba7816bf");
}

TEST(RepositoryName, FollowsTheSpecificationAtAnyDepth) {
  for (const char* name : {"a", "library/nginx", "a/b/c/d/e/f/g/h/i", "my-app", "my--app", "a.b", "a_b", "a__b", "0/1", "x-1/y.2/z_3"}) {
    EXPECT_TRUE(RepositoryName::parse(name)) << name;
  }
  EXPECT_TRUE(RepositoryName::parse(std::string(255, 'a')));
  for (const std::string& name : std::vector<std::string>{
           "", "/", "a/", "/a", "a//b", "A", "a/B", "a..b", "a___b", "-a", "a-", ".a", "a.", "_a", "a_", "a._b", "a b", "a/../b", "..", "a%2fb",
           "a\\b", std::string(256, 'a'), std::string("a\0b", 3), "caf\xc3\xa9", "a:b", "a@b"}) {
    EXPECT_FALSE(RepositoryName::parse(name)) << name;
  }
}

TEST(Tag, IsShortAndPlain) {
  for (const std::string& tag : std::vector<std::string>{"latest", "1.27", "_x", "V1", "a-b.c_d", std::string(128, 'x')}) EXPECT_TRUE(Tag::parse(tag)) << tag;
  for (const std::string& tag : std::vector<std::string>{"", ".x", "-x", "a/b", "a b", "a:b", std::string(129, 'x'), "a\n"}) EXPECT_FALSE(Tag::parse(tag)) << tag;
}

TEST(RegistryHost, IsAHostWithOrWithoutAPort) {
  EXPECT_EQ(*parse_registry_host("Docker.IO"), "docker.io");
  EXPECT_TRUE(parse_registry_host("registry.example:5000"));
  EXPECT_TRUE(parse_registry_host("[::1]:5000"));
  for (const char* text : {"", ":5000", "a:", "a:b", "a:123456", "a/b", "http://a", "a b", "[::1", "a?x"}) EXPECT_FALSE(parse_registry_host(text)) << text;
}

// --- Challenges ---

TEST(Challenge, ReadsWhatDockerHubSends) {
  const auto found = parse_challenges(R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull",error="invalid_token")");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].scheme, Challenge::Scheme::kBearer);
  EXPECT_EQ(found[0].realm, "https://auth.docker.io/token");
  EXPECT_EQ(found[0].service, "registry.docker.io");
  EXPECT_EQ(found[0].scope, "repository:library/nginx:pull");
  EXPECT_EQ(found[0].error, "invalid_token");
}

TEST(Challenge, ReadsSeveralInTheirOrder) {
  const auto found = parse_challenges(R"(Negotiate abc==, basic Realm="a \"quoted\" name" , BEARER realm=plain)");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].scheme, Challenge::Scheme::kBasic);
  EXPECT_EQ(found[0].realm, "a \"quoted\" name");
  EXPECT_EQ(found[1].realm, "plain");
}

TEST(Challenge, GarbageIsNoChallenge) {
  for (const char* header : {"", ",,,", "=", "realm=x", "\"", "Bearer realm=\"unterminated", "Foo bar=1, baz=2", "\x01\x02"}) {
    for (const auto& challenge : parse_challenges(header)) EXPECT_EQ(challenge.scheme, Challenge::Scheme::kBearer) << header;
  }
}

// --- Ranges ---

struct RangeRow {
  const char* header;
  RangeDecision::Kind kind;
  uint64_t from = 0;
  uint64_t length = 0;
};

TEST(ByteRange, DecidesAsRfc9110Says) {
  using Kind = RangeDecision::Kind;
  const std::vector<RangeRow> rows = {
      {"bytes=0-", Kind::kPart, 0, 100},     {"bytes=0-0", Kind::kPart, 0, 1},         {"bytes=10-19", Kind::kPart, 10, 10},
      {"bytes=90-200", Kind::kPart, 90, 10}, {"bytes=-10", Kind::kPart, 90, 10},       {"bytes=-1000", Kind::kPart, 0, 100},
      {"Bytes = 5-5", Kind::kPart, 5, 1},    {"bytes=99-", Kind::kPart, 99, 1},        {"bytes=100-", Kind::kUnsatisfiable},
      {"bytes=-0", Kind::kUnsatisfiable},    {"bytes=200-300", Kind::kUnsatisfiable},  {"bytes=18446744073709551616-", Kind::kUnsatisfiable},
      {"bytes=5-4", Kind::kWhole},           {"bytes=0-1,5-6", Kind::kWhole},          {"items=0-1", Kind::kWhole},
      {"bytes", Kind::kWhole},               {"bytes=a-b", Kind::kWhole},              {"bytes=--5", Kind::kWhole},
      {"bytes=-", Kind::kWhole},             {"", Kind::kWhole},                       {"bytes=0-18446744073709551616", Kind::kPart, 0, 100},
  };
  for (const auto& row : rows) {
    const auto decision = decide_range(row.header, 100);
    EXPECT_EQ(decision.kind, row.kind) << row.header;
    if (row.kind == Kind::kPart) {
      EXPECT_EQ(decision.range.from, row.from) << row.header;
      EXPECT_EQ(decision.range.length, row.length) << row.header;
    }
  }
  EXPECT_EQ(decide_range("bytes=0-", 0).kind, Kind::kUnsatisfiable);
}

TEST(ETag, MatchesQuotedBareWeakAndListed) {
  const auto digest = *Digest::parse("sha256:" + kHex);
  const std::string text = digest.to_string();
  for (const std::string& header : std::vector<std::string>{text, "\"" + text + "\"", "W/\"" + text + "\"", "\"x\", \"" + text + "\"", "*"}) {
    EXPECT_TRUE(etag_matches(header, digest)) << header;
  }
  for (const std::string& header : std::vector<std::string>{"", "\"x\"", text + "0", "\"" + text}) EXPECT_FALSE(etag_matches(header, digest)) << header;
}

// --- Media types and error bodies ---

TEST(MediaType, IsTheTypeWithoutParametersOrNothing) {
  EXPECT_EQ(media_type::normalized(" Application/JSON ; charset=utf-8"), "application/json");
  for (const char* header : {"", "text", "/x", "text/", "text/html<script>", "a/b/c", "a b/c", "text/ht\r\nml"}) EXPECT_EQ(media_type::normalized(header), "") << header;
}

TEST(ErrorBody, IsTheRegistrysJson) {
  EXPECT_EQ(error_body("BLOB_UNKNOWN", "no such blob"), "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"no such blob\"}]}\n");
  EXPECT_EQ(describe_error_body(error_body("DENIED", "no \"entry\"")), "DENIED: no \"entry\"");
  for (const char* body : {"", "<html>", "[]", "{\"errors\":{}}", "{\"errors\":[]}", "{\"errors\":[1]}"}) EXPECT_EQ(describe_error_body(body), "") << body;
  EXPECT_LE(describe_error_body(error_body("X", std::string(10'000, 'y'))).size(), 300u);
}

}  // namespace
}  // namespace entrepot::oci
