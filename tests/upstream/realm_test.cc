#include "upstream/realm.h"

#include <gtest/gtest.h>

namespace entrepot::upstream {
namespace {

struct Row {
  const char* upstream;
  const char* realm;
  bool with_credentials;  // may be asked with them
  bool anonymously;
};

TEST(Realm, Table) {
  const Row table[] = {
      // The same host or registrable domain.
      {"https://registry-1.docker.io", "https://auth.docker.io/token", true, true},
      {"https://ghcr.io", "https://ghcr.io/token", true, true},
      {"https://ghcr.io", "HTTPS://GHCR.IO./token", true, true},
      {"https://registry.example.co.uk", "https://login.example.co.uk/", true, true},
      {"http://registry.example.com:5000", "http://registry.example.com:5001/token", true, true},
      {"http://registry.example.com", "https://auth.example.com/token?x=y", true, true},
      {"http://127.0.0.1:5000", "http://127.0.0.1:6000/token", true, true},
      {"http://[::1]:5000", "http://[::1]:6000/token", true, true},
      {"http://localhost:5000", "http://localhost:6000/token", true, true},
      {"http://registry:5000", "http://registry:6000/token", true, true},
      // Another one.
      {"https://registry-1.docker.io", "https://auth.docker.com/token", false, true},
      {"https://registry-1.docker.io", "https://evildocker.io/token", false, true},
      {"https://registry-1.docker.io", "https://auth.docker.io.evil.com/token", false, true},
      {"https://a.co.uk", "https://b.co.uk/token", false, true},
      {"https://a.github.io", "https://b.github.io/token", false, true},
      {"https://a.s3.amazonaws.com", "https://b.s3.amazonaws.com/token", false, true},
      {"http://127.0.0.1:5000", "http://auth.example.com/token", false, true},
      // Addresses and local names that are not the upstream's.
      {"https://registry.example.com", "https://169.254.169.254/token", false, false},
      {"https://registry.example.com", "https://10.0.0.1/token", false, false},
      {"https://10.1.0.1", "https://10.0.0.1/token", false, false},
      {"https://registry.example.com", "https://2130706433/token", false, false},
      {"https://registry.example.com", "https://0x7f.1/token", false, false},
      {"https://registry.example.com", "https://127.0x1/token", false, false},
      {"https://registry.example.com", "https://[::1]/token", false, false},
      {"https://registry.example.com", "https://localhost/token", false, false},
      {"https://a.co.uk", "https://co.uk/token", false, false},
      // Never.
      {"https://ghcr.io", "http://ghcr.io/token", false, false},
      {"https://ghcr.io", "ftp://ghcr.io/token", false, false},
      {"https://ghcr.io", "/token", false, false},
      {"https://ghcr.io", "", false, false},
      {"https://ghcr.io", "https://ghcr.io@evil.com/token", false, false},
      {"https://ghcr.io", "https://evil.com\\@ghcr.io/token", false, false},
      {"https://ghcr.io", "https://evil.com\\.ghcr.io/token", false, false},
      {"https://ghcr.io", "https://ghcr.io/token#fragment", false, false},
      {"https://ghcr.io", "https://ghcr.io:99999/token", false, false},
      {"https://ghcr.io", "https://gh\tcr.io/token", false, false},
  };
  for (const Row& row : table) {
    EXPECT_EQ(check_realm(row.upstream, row.realm, true).has_value(), row.with_credentials)
        << row.upstream << " " << row.realm;
    EXPECT_EQ(check_realm(row.upstream, row.realm, false).has_value(), row.anonymously)
        << row.upstream << " " << row.realm;
  }
}

TEST(Realm, TheErrorNamesIt) {
  const Result<void> result = check_realm("https://ghcr.io", "https://evil.com/token", true);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Error::Code::kUpstreamInvalid);
  EXPECT_NE(result.error().message.find("https://evil.com/token"), std::string::npos);
}

}  // namespace
}  // namespace entrepot::upstream
