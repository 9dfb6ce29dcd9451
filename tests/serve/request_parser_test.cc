#include "serve/request_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace entrepot::serve {
namespace {

ParsedHead parse(const std::string& head) {
  auto parsed = parse_head(head);
  if (auto* refusal = std::get_if<Refusal>(&parsed)) {
    ADD_FAILURE() << head << ": " << refusal->status << " " << refusal->reason;
    return {};
  }
  return std::get<ParsedHead>(std::move(parsed));
}

int refused(const std::string& head) {
  const auto parsed = parse_head(head);
  const auto* refusal = std::get_if<Refusal>(&parsed);
  return refusal == nullptr ? 0 : refusal->status;
}

ParsedHead get(const std::string& headers) { return parse("GET / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n"); }
int refused_post(const std::string& headers) { return refused("POST / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n"); }

TEST(RequestParser, ReadsARequest) {
  const auto parsed =
      parse("GeT /v2/a/b?n=1&x HTTP/1.1\r\nHOST: Example:5000\r\nAccept:\ta  \r\naccept: b\r\nX-Empty:\r\n\r\n");
  EXPECT_EQ(parsed.request.method, "GeT");
  EXPECT_EQ(parsed.request.target, "/v2/a/b?n=1&x");
  EXPECT_EQ(parsed.request.minor_version, 1);
  EXPECT_EQ(parsed.request.header("host"), "Example:5000");
  EXPECT_EQ(parsed.request.header("accept"), "a, b");
  EXPECT_EQ(parsed.request.header("x-empty"), "");
  EXPECT_EQ(parsed.request.header("missing"), "");
  EXPECT_TRUE(parsed.body.empty());
  EXPECT_TRUE(parsed.keep_alive);
}

TEST(RequestParser, ReducesAbsoluteTargets) {
  const struct {
    std::string target, path, host;
  } rows[] = {
      {"http://real:80/a?b", "/a?b", "real:80"},
      {"HTTPS://real", "/", "real"},
      {"http://real?x=1", "/?x=1", "real"},
      {"/plain", "/plain", "x"},
  };
  for (const auto& row : rows) {
    const auto parsed = parse("GET " + row.target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(parsed.request.target, row.path);
    EXPECT_EQ(parsed.request.header("host"), row.host);
  }
  for (const std::string target : {"relative", "*", "ftp://x/", "http:///a", "http://us er/", "http://u@x/a"}) {
    EXPECT_EQ(refused("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"), 400) << target;
  }
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").request.target, "*");
  EXPECT_EQ(parse("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n").request.target, "x:80");
}

TEST(RequestParser, ReadsFraming) {
  EXPECT_EQ(get("Content-Length: 17\r\n").body.length, 17u);
  EXPECT_EQ(get("Content-Length: 9223372036854775807\r\n").body.length, 9223372036854775807u);
  EXPECT_TRUE(get("Content-Length: 0\r\n").body.empty());
  EXPECT_TRUE(get("Transfer-Encoding: Chunked\r\n").body.chunked);
}

TEST(RequestParser, RefusesAmbiguousFraming) {
  for (const std::string headers : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                    "Content-Length: 5\r\nContent-Length: 6\r\n",
                                    "Content-Length: 5\r\nContent-Length: 5\r\n",
                                    "Content-Length: 5, 5\r\n",
                                    "Content-Length: +5\r\n",
                                    "Content-Length: -5\r\n",
                                    "Content-Length: 0x5\r\n",
                                    "Content-Length: 5 5\r\n",
                                    "Content-Length: 5;\r\n",
                                    "Content-Length:\r\n",
                                    "Content-Length: a\r\n",
                                    "Content-Length: 9223372036854775808\r\n",
                                    "Content-Length: 99999999999999999999999\r\n",
                                    "Transfer-Encoding: gzip\r\n",
                                    "Transfer-Encoding: gzip, chunked\r\n",
                                    "Transfer-Encoding: chunked, gzip\r\n",
                                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                    "Transfer-Encoding: identity\r\n",
                                    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                                    "Transfer-Encoding:\r\n",
                                    "Transfer-Encoding: xchunked\r\n",
                                    "Transfer-Encoding: \"chunked\"\r\n",
                                    "Transfer-Encoding: chunked;q=1\r\n",
                                    "Transfer-Encoding: \vchunked\r\n"}) {
    EXPECT_EQ(refused_post(headers), 400) << headers;
  }
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(RequestParser, WantsOneHost) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET http://x/ HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  for (const std::string host : {"a b", "a,b", "a/b", "u@a", "a\"b"}) {
    EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), 400) << host;
  }
  EXPECT_EQ(refused("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: [2001:db8::1]:5000\r\n\r\n"), 0);
}

TEST(RequestParser, KnowsWhoGoesOn) {
  const struct {
    std::string version, connection;
    bool keep_alive;
  } rows[] = {
      {"1.1", "", true},          {"1.1", "close", false},
      {"1.1", "x, Close", false}, {"1.1", "keep-alive", true},
      {"1.0", "", false},         {"1.0", "Keep-Alive", true},
      {"1.0", "close", false},    {"1.0", "keep-alive, close", false},
      {"1.1", "closed", true},
  };
  for (const auto& row : rows) {
    const std::string header = row.connection.empty() ? "" : "Connection: " + row.connection + "\r\n";
    EXPECT_EQ(parse("GET / HTTP/" + row.version + "\r\nHost: x\r\n" + header + "\r\n").keep_alive, row.keep_alive)
        << row.version << " " << row.connection;
  }
}

TEST(RequestParser, KnowsExpectations) {
  EXPECT_TRUE(get("Expect: 100-Continue\r\n").expects_continue);
  EXPECT_FALSE(get("").expects_continue);
  EXPECT_FALSE(parse("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
  EXPECT_EQ(refused_post("Expect: 200-ok\r\n"), 417);
  EXPECT_EQ(refused_post("Expect: 100-continue, more\r\n"), 417);
}

struct Fed {
  ChunkedBody::State state;
  std::string left;
};

// Brings `bytes` in pieces of `piece`, with what was not consumed before in front, as a connection does.
Fed feed(const std::string& bytes, size_t piece) {
  ChunkedBody body;
  Fed fed{ChunkedBody::State::kMore, ""};
  for (size_t at = 0; at < bytes.size(); at += piece) {
    fed.left += bytes.substr(at, piece);
    if (fed.state != ChunkedBody::State::kMore) continue;
    size_t consumed = 0;
    fed.state = body.feed(fed.left, consumed);
    fed.left.erase(0, consumed);
  }
  return fed;
}

TEST(ChunkedBody, EndsWhereTheBodyEnds) {
  for (const std::string body : {"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "1;a=b\r\nx\r\nA\r\n0123456789\r\n00\r\n\r\n",
                                 "3\r\nabc\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n"}) {
    for (size_t piece = 1; piece <= body.size() + 4; ++piece) {
      const Fed fed = feed(body + "GET ", piece);
      EXPECT_EQ(fed.state, ChunkedBody::State::kDone) << body << piece;
      EXPECT_EQ(fed.left, "GET ") << body << piece;
    }
  }
}

TEST(ChunkedBody, RefusesNonsense) {
  for (const std::string body : {"x\r\n", "5\r\nhelloX\r\n", "\r\n", "-1\r\n", "0x5\r\nhello\r\n",
                                 "fffffffffffffffff\r\n", "5\nhello\r\n0\r\n\r\n", "5 \r\nhello\n0\r\n\r\n"}) {
    for (size_t piece = 1; piece <= body.size(); ++piece) {
      EXPECT_NE(feed(body, piece).state, ChunkedBody::State::kDone) << body << " by " << piece;
    }
    EXPECT_EQ(feed(body + "\r\n\r\n" + std::string(20, '\n'), 1000).state, ChunkedBody::State::kBad) << body;
  }
}

}  // namespace
}  // namespace entrepot::serve
