#include "admin/host_check.h"

#include <gtest/gtest.h>

namespace entrepot::admin {
namespace {

TEST(HostCheck, AddressesLoopbackAndConfiguredNamesMayBeNamed) {
  for (const char* host : {"127.0.0.1:5001", "127.0.0.1", "[::1]:5001", "[::1]", "localhost", "LOCALHOST:5001", "10.1.2.3:5001", "mirror.example:5001", "Mirror.Example"}) {
    EXPECT_TRUE(host_allowed(host, {"mirror.example"})) << host;
  }
}

TEST(HostCheck, ANameThatSomebodyElseChoseMayNot) {
  for (const char* host : {"", ":5001", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "mirror.example.evil", "[", "1270.0.0.1", "mirror.example@evil"}) {
    EXPECT_FALSE(host_allowed(host, {"mirror.example"})) << host;
  }
}

}  // namespace
}  // namespace entrepot::admin
