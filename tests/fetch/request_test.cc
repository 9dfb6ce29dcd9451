#include "entrepot/fetch/request.h"

#include <gtest/gtest.h>

namespace entrepot::fetch {
namespace {

ResponseHead head_with(std::vector<std::pair<std::string, std::string>> headers) {
  ResponseHead head;
  head.headers = std::move(headers);
  return head;
}

TEST(ResponseHead, HeaderIsTheFirstOfItsName) {
  const ResponseHead head = head_with({{"a", "1"}, {"a", "2"}});
  EXPECT_EQ(head.header("a"), "1");
  EXPECT_EQ(head.header("b"), "");
}

TEST(ResponseHead, ContentLength) {
  EXPECT_EQ(head_with({{"content-length", "12"}}).content_length(), 12u);
  EXPECT_EQ(head_with({{"content-length", "0"}}).content_length(), 0u);
  EXPECT_EQ(head_with({}).content_length(), std::nullopt);
  for (const char* bad : {"", "-1", "12x", "99999999999999999999", "1,2"}) {
    EXPECT_EQ(head_with({{"content-length", bad}}).content_length(), std::nullopt) << bad;
  }
  EXPECT_EQ(head_with({{"content-length", "12"}, {"transfer-encoding", "chunked"}}).content_length(), std::nullopt);
  EXPECT_EQ(head_with({{"content-length", "12"}, {"content-encoding", "gzip"}}).content_length(), std::nullopt);
}

}  // namespace
}  // namespace entrepot::fetch
