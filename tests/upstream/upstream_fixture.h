// An upstream that is a fake registry.
#pragma once

#include "entrepot/upstream/upstream.h"
#include "support/fake_registry.h"
#include "support/manual_clock.h"
#include "support/run_task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace entrepot::upstream {

inline oci::RepositoryName repository(const std::string& name) { return *oci::RepositoryName::parse(name); }
inline oci::Reference tag(const std::string& text) { return *oci::Tag::parse(text); }
inline oci::Digest digest(const std::string& text) { return *oci::Digest::parse(text); }

class UpstreamFixture : public ::testing::Test {
 protected:
  UpstreamFixture() {
    options_.name = "fake.example";
    options_.remote_url = registry_.url();
    manifest_digest_ = registry_.add_manifest("library/x", "latest", std::string(kType), R"({"schemaVersion":2})");
  }

  // Made with options_ at the first use.
  Upstream& upstream() {
    if (!upstream_) upstream_ = std::make_unique<Upstream>(options_, client_, clock_);
    return *upstream_;
  }
  void with_credentials() {
    options_.username = "user";
    options_.password = "pass:word";
  }
  void want_tokens(nlohmann::json auth = nlohmann::json::object()) {
    auth["type"] = "bearer";
    if (!options_.username.empty()) {
      auth["username"] = options_.username;
      auth["password"] = options_.password;
    }
    registry_.set_auth(auth);
  }
  Result<ManifestHead> head(const std::string& name = "library/x", const std::string& reference = "latest") {
    return support::run_task(upstream().head_manifest(repository(name), tag(reference)));
  }
  Error::Code code_of_head(const std::string& name = "library/x") {
    Result<ManifestHead> result = head(name);
    EXPECT_FALSE(result);
    return result ? Error::Code::kInternal : result.error().code;
  }

  static constexpr std::string_view kType = "application/vnd.oci.image.manifest.v1+json";
  support::FakeRegistry registry_;
  support::ManualClock clock_;
  std::string manifest_digest_;
  Options options_;
  fetch::Client client_{fetch::ClientOptions{}};
  std::unique_ptr<Upstream> upstream_;
};

}  // namespace entrepot::upstream
