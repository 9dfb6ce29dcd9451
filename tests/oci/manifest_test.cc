#include "entrepot/oci/manifest.h"

#include "entrepot/oci/media_type.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace entrepot::oci {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string descriptor(const std::string& digest, const std::string& size = "7") {
  return R"({"mediaType":"application/x","digest":")" + digest + R"(","size":)" + size + "}";
}

TEST(Manifest, OfAnImageNamesConfigAndLayers) {
  const auto parsed = parse_manifest(R"({"schemaVersion":2,"config":)" + descriptor(kA) + R"(,"layers":[)" + descriptor(kB, "12") + "]}", media_type::kOciManifest);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->blobs.size(), 2u);
  EXPECT_EQ(parsed->blobs[0].digest.to_string(), kB);
  EXPECT_EQ(parsed->blobs[0].size, 12u);
  EXPECT_EQ(parsed->blobs[1].digest.to_string(), kA);
}

TEST(Manifest, OfAnIndexNamesManifests) {
  for (const auto type : {media_type::kOciIndex, media_type::kDockerList}) {
    const auto parsed = parse_manifest(R"({"manifests":[)" + descriptor(kA) + "," + descriptor(kB) + "]}", type);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->manifests.size(), 2u);
    EXPECT_EQ(parsed->media_type, type);
  }
}

TEST(Manifest, OfAnArtifactNamesBlobsAndSubject) {
  const auto parsed = parse_manifest(R"({"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobs":[)" + descriptor(kA) + R"(],"subject":)" + descriptor(kB) + "}",
                                     "application/vnd.oci.artifact.manifest.v1+json");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->blobs.size(), 1u);
  EXPECT_EQ(parsed->subject->digest.to_string(), kB);
}

TEST(Manifest, WithoutATypeIsKnownByItsOwnWordOrItsShape) {
  EXPECT_EQ(parse_manifest(R"({"mediaType":")" + std::string(media_type::kDockerManifest) + R"(","layers":[]})", "text/plain")->media_type, media_type::kDockerManifest);
  EXPECT_EQ(parse_manifest(R"({"manifests":[]})", "")->media_type, media_type::kOciIndex);
  EXPECT_EQ(parse_manifest(R"({"layers":[]})", "application/json")->media_type, media_type::kOciManifest);
  EXPECT_EQ(parse_manifest(R"({"fsLayers":[],"signatures":[]})", "")->media_type, media_type::kDockerSchema1Signed);
}

TEST(Manifest, WhatIsNotOneIsRefusedWithTheReason) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "not a JSON object"},
      {"<html>", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"{}", "neither"},
      {R"({"layers":{}})", "layers is not a list"},
      {R"({"layers":[1]})", "layers[0] is not a descriptor"},
      {R"({"layers":[)" + descriptor("sha256:short") + "]}", "layers[0] has no valid digest"},
      {R"({"layers":[)" + descriptor(kA, "-1") + "]}", "no valid size"},
      {R"({"layers":[)" + descriptor(kA, "1e3") + "]}", "no valid size"},
      {R"({"config":null,"layers":[]})", "config is not a descriptor"},
      {std::string(R"({"layers":[],"x":)") + std::string(5000, '[') + std::string(5000, ']') + "}", "nested deeper"},
  };
  for (const auto& [body, reason] : rows) {
    const auto parsed = parse_manifest(body, "");
    ASSERT_FALSE(parsed) << body.substr(0, 100);
    EXPECT_NE(parsed.error().message.find(reason), std::string::npos) << parsed.error().message;
  }
  const auto large = parse_manifest(std::string(kMaxManifestSize + 1, ' '), "");
  EXPECT_EQ(large.error().code, Error::Code::kTooLarge);
}

// --- Signed schema 1 ---

std::string base64url(std::string_view text) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  for (size_t i = 0; i < text.size(); i += 3) {
    uint32_t bits = 0;
    const size_t left = std::min<size_t>(3, text.size() - i);
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < left ? static_cast<uint8_t>(text[i + k]) : 0);
    for (size_t k = 0; k <= left; ++k) out += kAlphabet[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

std::string protected_header(size_t length, const std::string& tail) {
  return base64url(R"({"formatLength":)" + std::to_string(length) + R"(,"formatTail":")" + base64url(tail) + R"(","time":"2020-01-01T00:00:00Z"})");
}

TEST(Schema1, ItsDigestIsThatOfItsPayload) {
  const std::string payload = "{\n   \"fsLayers\": [{\"blobSum\": \"" + kA + "\"}]\n}";
  const std::string shown = payload.substr(0, payload.size() - 2);
  const std::string body = shown + ",\n   \"signatures\": [{\"protected\": \"" + protected_header(shown.size(), "\n}") + "\"}]\n}";
  const auto digest = manifest_digest(body, media_type::kDockerSchema1Signed, HashAlgorithm::kSha256);
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, Digest::of(HashAlgorithm::kSha256, bytes_of(payload)));
  EXPECT_EQ(parse_manifest(body, media_type::kDockerSchema1Signed)->blobs.size(), 1u);
}

TEST(Schema1, SignaturesThatDisagreeAreRefused) {
  const std::string one = protected_header(5, "\n}");
  const std::string other = protected_header(6, "\n}");
  const std::string body = R"({"fsLayers":[],"signatures":[{"protected":")" + one + R"("},{"protected":")" + other + R"("}]})";
  EXPECT_FALSE(manifest_digest(body, media_type::kDockerSchema1Signed, HashAlgorithm::kSha256));
  for (const char* bad : {R"({"fsLayers":[]})", R"({"signatures":[]})", R"({"signatures":[1]})", R"({"signatures":[{"protected":"!"}]})"}) {
    EXPECT_FALSE(manifest_digest(bad, media_type::kDockerSchema1Signed, HashAlgorithm::kSha256)) << bad;
  }
  const std::string beyond = R"({"signatures":[{"protected":")" + protected_header(99999, "x") + R"("}]})";
  EXPECT_FALSE(manifest_digest(beyond, media_type::kDockerSchema1Signed, HashAlgorithm::kSha256));
}

}  // namespace
}  // namespace entrepot::oci
