// The pure parts: what the JSON of token services and registries is read as.
#include "upstream/failure.h"
#include "upstream/tags_reply.h"
#include "upstream/token_reply.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace entrepot::upstream {
namespace {

using std::chrono::seconds;

TEST(TokenReply, Lifetime) {
  const std::pair<const char*, int> table[] = {
      {R"({"token":"t"})", 50},
      {R"({"token":"t","expires_in":300})", 290},
      {R"({"token":"t","expires_in":5})", 50},
      {R"({"token":"t","expires_in":-5})", 50},
      {R"({"token":"t","expires_in":"300"})", 50},
      {R"({"token":"t","expires_in":90.5})", 80},
      {R"({"token":"t","expires_in":1e300})", 86390},
      {R"({"token":"t","expires_in":99999999999999999999})", 86390},
      {R"({"token":"t","expires_in":300,"issued_at":"1999-01-01T00:00:00Z"})", 290},
  };
  for (const auto& [body, lifetime] : table) {
    const Result<Token> token = parse_token(body, WallTime());
    ASSERT_TRUE(token) << body;
    EXPECT_EQ(token->end, WallTime() + seconds(lifetime)) << body;
  }
}

TEST(TokenReply, TheTokenItself) {
  EXPECT_EQ(parse_token(R"({"token":"a","access_token":"b"})", WallTime())->value, "a");
  EXPECT_EQ(parse_token(R"({"token":"","access_token":"b"})", WallTime())->value, "b");
  EXPECT_EQ(parse_token(R"({"token":null,"access_token":"b"})", WallTime())->value, "b");
  for (const char* bad : {"", "null", "[]", "{", "{}", R"({"token":""})", R"({"token":["a"]})", R"({"token":"a b"})",
                          R"({"token":"a\nb"})", R"({"token":"\u00e4"})"}) {
    const Result<Token> token = parse_token(bad, WallTime());
    ASSERT_FALSE(token) << bad;
    EXPECT_EQ(token.error().code, Error::Code::kUpstreamInvalid) << bad;
  }
}

TEST(TagsReply, Tags) {
  const std::pair<const char*, std::vector<std::string>> table[] = {
      {R"({"name":"x","tags":["a","b"]})", {"a", "b"}},
      {R"({"name":"x","tags":[]})", {}},
      {R"({"name":"x","tags":null})", {}},
      {R"({"name":"x"})", {}},
      {R"({})", {}},
      {R"({"tags":["a","","-b","c d","../e","v1.0"]})", {"a", "v1.0"}},
      {R"({"child":[{"tags":["no"]}],"more":{"tags":[1]},"tags":["a"],"manifest":{"a":{"b":[null,1.5,true]}}})", {"a"}},
  };
  for (const auto& [body, tags] : table) {
    const Result<std::vector<std::string>> result = parse_tags(body);
    ASSERT_TRUE(result) << body;
    EXPECT_EQ(*result, tags) << body;
  }
}

TEST(TagsReply, NotTags) {
  const std::string deep = "{\"x\":" + std::string(1'000'000, '[');
  for (const std::string& bad :
       {std::string(), std::string("null"), std::string("\"a\""), std::string("1"), std::string("[]"),
        std::string(R"(["a"])"), std::string(R"({"tags":"a"})"), std::string(R"({"tags":{"a":1}})"),
        std::string(R"({"tags":[1]})"), std::string(R"({"tags":[null]})"), std::string(R"({"tags":[["a"]]})"),
        std::string(R"({"tags":[{}]})"), std::string(R"({"tags":["a"]}x)"), std::string("{\"tags\":[\"\xff\"]}"),
        deep}) {
    const Result<std::vector<std::string>> result = parse_tags(bad);
    ASSERT_FALSE(result) << bad.substr(0, 50);
    EXPECT_EQ(result.error().code, Error::Code::kUpstreamInvalid);
  }
}

TEST(Failure, WhatMayPass) {
  const auto answer = [](int status) {
    fetch::Response response;
    response.head.status = status;
    return Result<fetch::Response>(response);
  };
  const auto error = [](Error::Code code) { return Result<fetch::Response>(Error{code, ""}); };
  for (const int status : {500, 502, 503, 504}) EXPECT_TRUE(may_pass(answer(status))) << status;
  for (const int status : {200, 401, 404, 429, 501}) EXPECT_FALSE(may_pass(answer(status))) << status;
  EXPECT_TRUE(may_pass(error(Error::Code::kUpstreamDown)));
  EXPECT_TRUE(may_pass(error(Error::Code::kUpstreamError)));
  EXPECT_FALSE(may_pass(error(Error::Code::kUpstreamTimeout)));
  EXPECT_FALSE(may_pass(error(Error::Code::kUpstreamInvalid)));
  EXPECT_FALSE(may_pass(error(Error::Code::kStopping)));
}

}  // namespace
}  // namespace entrepot::upstream
