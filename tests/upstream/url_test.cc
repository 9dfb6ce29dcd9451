#include "upstream/url.h"

#include <gtest/gtest.h>

namespace entrepot::upstream {
namespace {

fetch::ResponseHead head_with(const char* name, const char* value) {
  fetch::ResponseHead head;
  head.headers = {{name, value}};
  return head;
}

TEST(Url, Origin) {
  EXPECT_EQ(parse_origin("https://Registry-1.Docker.io/v2/?x"), (Origin{"https", "registry-1.docker.io", 443}));
  EXPECT_EQ(parse_origin("http://a"), (Origin{"http", "a", 80}));
  EXPECT_EQ(parse_origin("http://a:5000/b:6"), (Origin{"http", "a", 5000}));
  EXPECT_EQ(parse_origin("http://[::1]:5000"), (Origin{"http", "[::1]", 5000}));
  EXPECT_EQ(parse_origin("http://[::1]"), (Origin{"http", "[::1]", 80}));
  for (const char* bad : {"", "a", "//a", "ftp://a", "http://", "http://a:", "http://a:x", "http://a:65536",
                          "http://a@b", "http://a b", "http://[x]"}) {
    EXPECT_EQ(parse_origin(bad), std::nullopt) << bad;
  }
}

TEST(Url, PercentEncode) { EXPECT_EQ(percent_encode("aZ0-._~ /:&\xff"), "aZ0-._~%20%2F%3A%26%FF"); }

TEST(Url, Base64) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
  EXPECT_EQ(base64_encode("\xff\xfe\xfd"), "//79");
}

TEST(Url, NextPage) {
  for (const char* link : {"</v2/x/tags/list?n=1&last=a>; rel=\"next\"", "<x>;rel=next", "<x>; a=\"b\"; REL=\"Next\"",
                           "<x>; rel=\"prev\", <y>; rel=\"next\""}) {
    EXPECT_TRUE(has_next_page(head_with("link", link))) << link;
  }
  for (const char* link : {"", "</v2/rel=next/tags/list>; rel=\"prev\"", "x", "<x>"}) {
    EXPECT_FALSE(has_next_page(head_with("link", link))) << link;
  }
}

TEST(Url, ContentRange) {
  EXPECT_EQ(content_range_start(head_with("content-range", "bytes 6-10/11")), 6u);
  EXPECT_EQ(content_range_start(head_with("content-range", "Bytes 0-0/*")), 0u);
  for (const char* bad :
       {"", "bytes */11", "bytes 6", "bytes -6/7", "items 6-10/11", "bytes 99999999999999999999-/1"}) {
    EXPECT_EQ(content_range_start(head_with("content-range", bad)), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace entrepot::upstream
