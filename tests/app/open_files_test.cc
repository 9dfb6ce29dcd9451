#include "app/open_files.h"

#include "entrepot/serve/options.h"

#include <gtest/gtest.h>

namespace entrepot::app {
namespace {

const size_t kDefault = serve::Options().max_connections;

TEST(OpenFiles, AreSharedOutSoThatNobodyStarvesAnother) {
  for (const size_t limit : {256u, 1024u, 4096u, 20'000u, 1'000'000u}) {
    const auto shares = share_open_files(limit, kDefault);
    ASSERT_TRUE(shares) << limit;
    const size_t shared = shares->connections + shares->open_blobs + static_cast<size_t>(shares->catalog) + 2 * shares->fills;
    EXPECT_LE(shared, limit * 9 / 10) << limit;
    EXPECT_LE(shares->connections, kDefault);
    EXPECT_GT(shares->open_blobs, 0u);
    EXPECT_GT(shares->fills, 0u);
  }
}

TEST(OpenFiles, AskingForMoreConnectionsThanTheirShareIsAnError) {
  EXPECT_TRUE(share_open_files(1024, 512));
  const auto refused = share_open_files(1024, 513);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("http.limits.connections is 513"), std::string::npos);
}

TEST(OpenFiles, TooFewAreRefused) { EXPECT_FALSE(share_open_files(255, kDefault)); }

}  // namespace
}  // namespace entrepot::app
