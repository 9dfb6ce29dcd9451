#include "serve/head_format.h"

#include <gtest/gtest.h>

namespace entrepot::serve {
namespace {

TEST(HeadFormat, WritesAHead) {
  const Head head{206, {{"Content-Type", "a/b"}, {"ETag", "\"x\""}}};
  EXPECT_EQ(format_head(head, {5, false, KeepAlive::kImplied}, "NOW"),
            "HTTP/1.1 206 Partial Content\r\nServer: entrepot\r\nDate: NOW\r\nContent-Type: a/b\r\nETag: \"x\"\r\n"
            "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(
      format_head({299, {}}, {std::nullopt, true, KeepAlive::kClose}, "NOW"),
      "HTTP/1.1 299 \r\nServer: entrepot\r\nDate: NOW\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(
      format_head({200, {}}, {0, false, KeepAlive::kSaid}, "NOW").ends_with("\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(HeadFormat, AValueCannotStartALine) {
  const Head head{200, {{"X", "a\r\nSet-Cookie: b\n\x7f\tc\xc3\xa4"}}};
  EXPECT_NE(format_head(head, {}, "NOW").find("X: a  Set-Cookie: b  \tc\xc3\xa4\r\n"), std::string::npos);
}

}  // namespace
}  // namespace entrepot::serve
