#include "serve/head_scanner.h"

#include <gtest/gtest.h>

#include <string>

namespace entrepot::serve {
namespace {

using State = HeadScanner::State;

struct Outcome {
  State state;
  int status;
  size_t end;
  bool operator==(const Outcome&) const = default;
};

Outcome scan_whole(std::string_view bytes) {
  HeadScanner scanner({100, 200});
  const State state = scanner.scan(bytes);
  return {state, scanner.refusal().status, state == State::kComplete ? scanner.end() : 0};
}

Outcome scan_bytewise(std::string_view bytes) {
  HeadScanner scanner({100, 200});
  State state = State::kMore;
  for (size_t i = 0; i <= bytes.size() && state == State::kMore; ++i) state = scanner.scan(bytes.substr(0, i));
  return {state, scanner.refusal().status, state == State::kComplete ? scanner.end() : 0};
}

const std::string kLine = "GET / HTTP/1.1\r\n";

TEST(HeadScanner, FindsTheEnd) {
  const std::string head = kLine + "Host: x\r\nA:\r\nB:\t v\xc3\xa4lue \r\n\r\n";
  const std::string bytes = head + "GET /next";
  const Outcome expected{State::kComplete, 0, head.size()};
  EXPECT_EQ(scan_whole(bytes), expected);
  EXPECT_EQ(scan_bytewise(bytes), expected);
}

TEST(HeadScanner, SkipsOneEmptyLineBefore) {
  HeadScanner scanner({100, 200});
  EXPECT_EQ(scanner.scan("\r\n" + kLine + "\r\n"), State::kComplete);
  EXPECT_EQ(scanner.begin(), 2u);
  EXPECT_EQ(scan_whole("\r\n\r\n" + kLine + "\r\n").status, 400);
}

TEST(HeadScanner, WaitsForMore) {
  for (std::string_view bytes : {"", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHost", "\r"}) {
    EXPECT_EQ(scan_whole(bytes).state, State::kMore) << bytes;
  }
}

TEST(HeadScanner, RefusesTheSameHoweverItArrives) {
  const struct {
    std::string bytes;
    int status;
  } rows[] = {
      {"\x16\x03\x01", 400},
      {" GET / HTTP/1.1\r\n", 400},
      {"GET  / HTTP/1.1\r\n", 400},
      {"GET /  HTTP/1.1\r\n", 400},
      {"GET / HTTP/1.1 \r\n", 400},
      {"GET /\r\n", 400},
      {"GET\r\n", 400},
      {"GET / HTTP/1.1\n", 400},
      {"GET / HTTP/1.1\rX", 400},
      {"GET /\xff HTTP/1.1\r\n", 400},
      {std::string("GET /\0 HTTP/1.1\r\n", 17), 400},
      {"GET /\t HTTP/1.1\r\n", 400},
      {"G(T / HTTP/1.1\r\n", 400},
      {"GET / http/1.1\r\n", 400},
      {"GET / HTTP/11\r\n", 400},
      {"GET / HTTP/1.10\r\n", 400},
      {"GET / HTTP/2.0\r\n", 505},
      {"PRI * HTTP/2.0\r\n", 505},
      {"GET / HTTP/1.2\r\n", 505},
      {"GET / HTTP/0.9\r\n", 505},
      {kLine + " Host: x\r\n", 400},
      {kLine + "A: b\r\n c\r\n", 400},
      {kLine + "A: b\r\n\tc\r\n", 400},
      {kLine + ": b\r\n", 400},
      {kLine + "A : b\r\n", 400},
      {kLine + "A\t: b\r\n", 400},
      {kLine + "A b: c\r\n", 400},
      {kLine + "A\r\n", 400},
      {kLine + "A(: b\r\n", 400},
      {kLine + "A: b\n", 400},
      {kLine + "A: b\rc\r\n", 400},
      {kLine + "A: b\r\r\n", 400},
      {kLine + "A: " + std::string(1, '\0') + "\r\n", 400},
      {kLine + "A: \x01\r\n", 400},
      {kLine + "A: \x7f\r\n", 400},
      {kLine + "\n", 400},
      {kLine + "\rX", 400},
      {"GET /" + std::string(100, 'a'), 414},
      {kLine + "A: " + std::string(200, 'a'), 431},
      {kLine + std::string(10, 'A'), 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(scan_whole(row.bytes).status, row.status) << row.bytes;
    EXPECT_EQ(scan_bytewise(row.bytes), scan_whole(row.bytes)) << row.bytes;
  }
}

TEST(HeadScanner, LimitsAreExact) {
  const std::string line = "GET /" + std::string(100 - 14, 'a') + " HTTP/1.1";
  ASSERT_EQ(line.size(), 100u);
  EXPECT_EQ(scan_whole(line + "\r\n\r\n").state, State::kComplete);
  const std::string head = kLine + "A: " + std::string(200 - kLine.size() - 7, 'a') + "\r\n\r\n";
  ASSERT_EQ(head.size(), 200u);
  EXPECT_EQ(scan_whole(head).state, State::kComplete);
  EXPECT_EQ(scan_whole("\r\n" + head).state, State::kComplete);
}

TEST(HeadScanner, LimitsTheNumberOfHeaders) {
  HeadScanner scanner({1000, 100'000});
  std::string head = kLine;
  for (int i = 0; i < 129; ++i) head += "A: b\r\n";
  EXPECT_EQ(scanner.scan(head), State::kRefused);
  EXPECT_EQ(scanner.refusal().status, 431);
}

}  // namespace
}  // namespace entrepot::serve
