#include "fetch/head_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace entrepot::fetch {
namespace {

using Step = HeadParser::Step;

Step feed_all(HeadParser& parser, const std::vector<std::string>& lines) {
  Step step = Step::kMore;
  for (const std::string& line : lines) step = parser.feed(line);
  return step;
}

TEST(HeadParser, NamesAreLowerCaseAndValuesTrimmed) {
  HeadParser parser(true);
  EXPECT_EQ(feed_all(parser, {"HTTP/1.1 200 OK\r\n", "Content-TYPE:  a/b \r\n", "X:\r\n", "no colon\r\n", "\r\n"}),
            Step::kFinal);
  EXPECT_EQ(parser.head().status, 200);
  EXPECT_EQ(parser.head().header("content-type"), "a/b");
  EXPECT_EQ(parser.head().headers.size(), 2u);
}

TEST(HeadParser, InterimHeadsAreForgotten) {
  HeadParser parser(true);
  EXPECT_EQ(feed_all(parser, {"HTTP/1.1 103 Early\r\n", "Link: x\r\n", "\r\n"}), Step::kMore);
  EXPECT_EQ(feed_all(parser, {"HTTP/1.1 404 Not Found\r\n", "\n"}), Step::kFinal);
  EXPECT_EQ(parser.head().status, 404);
  EXPECT_TRUE(parser.head().headers.empty());
}

TEST(HeadParser, ARedirectIsFinalOnlyIfItIsNotFollowed) {
  const std::vector<std::string> redirect = {"HTTP/1.1 307 T\r\n", "Location: /x\r\n", "\r\n"};
  HeadParser following(true);
  EXPECT_EQ(feed_all(following, redirect), Step::kRedirect);
  EXPECT_EQ(following.location(), "/x");
  HeadParser staying(false);
  EXPECT_EQ(feed_all(staying, redirect), Step::kFinal);
  HeadParser nowhere(true);
  EXPECT_EQ(feed_all(nowhere, {"HTTP/1.1 304 N\r\n", "\r\n"}), Step::kFinal);
}

TEST(HeadParser, TrailersAreIgnored) {
  HeadParser parser(true);
  feed_all(parser, {"HTTP/1.1 200 OK\r\n", "\r\n"});
  EXPECT_EQ(feed_all(parser, {"Docker-Content-Digest: lie\r\n", "\r\n"}), Step::kMore);
  EXPECT_TRUE(parser.head().headers.empty());
}

TEST(HeadParser, FoldedLinesAreOneValue) {
  HeadParser parser(true);
  feed_all(parser, {"HTTP/1.1 200 OK\r\n", "A: b\r\n", "  c\r\n", "\r\n"});
  EXPECT_EQ(parser.head().header("a"), "b c");
}

TEST(HeadParser, AnEndlessHeadIsCut) {
  HeadParser parser(true);
  const std::string line = "X: " + std::string(1000, 'y') + "\r\n";
  Step step = Step::kMore;
  for (size_t fed = 0; fed <= HeadParser::kMaxHead && step == Step::kMore; fed += line.size()) step = parser.feed(line);
  EXPECT_EQ(step, Step::kTooLarge);
}

}  // namespace
}  // namespace entrepot::fetch
