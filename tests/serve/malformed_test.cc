// What is refused before a handler sees it: the status, the end of the connection, the report.
#include "serve_fixture.h"

namespace entrepot::serve {
namespace {

struct Row {
  std::string bytes;
  int status;
};

const std::string kStart = "GET / HTTP/1.1\r\nHost: x\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: x\r\n";
const std::string kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

class Malformed : public ServeTest {
 protected:
  void SetUp() override { start(); }

  // One refusal, nothing after it, the end, and no handler called.
  void expect_refused(const Row& row) {
    SCOPED_TRACE(row.bytes.substr(0, 200));
    RawClient client(port());
    ASSERT_TRUE(client.send(row.bytes));
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, row.status);
    EXPECT_TRUE(answer.complete);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(answer.header("content-type").starts_with("text/plain"));
    EXPECT_FALSE(answer.header("date").empty());
    EXPECT_FALSE(answer.body.empty());
    EXPECT_EQ(client.read_end(), End::kClean);
    EXPECT_EQ(client.rest(), "");
    ++refused_;
    EXPECT_EQ(handler.diary.entries().size(), refused_);
    EXPECT_EQ(handler.diary.entries().back(), "refused " + std::to_string(row.status));
  }

  size_t refused_ = 0;
};

TEST_F(Malformed, HeadsAreRefused) {
  const Row rows[] = {
      {"\x16\x03\x01\x02", 400},
      {"hello\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {kStart + "Host: y\r\n\r\n", 400},
      {kStart + "A: b\r\n folded\r\n\r\n", 400},
      {kStart + "A : b\r\n\r\n", 400},
      {kStart + ": b\r\n\r\n", 400},
      {kStart + "A: b\n\r\n", 400},
      {kStart + "A: b\rc\r\n\r\n", 400},
      {kStart + "A: " + std::string(1, '\0') + "\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {kStart + "A: " + std::string(40'000, 'a') + "\r\n\r\n", 431},
      {kStart + "Expect: miracles\r\n\r\n", 417},
  };
  for (const auto& row : rows) expect_refused(row);
}

TEST_F(Malformed, NothingIsSmuggled) {
  const Row rows[] = {
      {kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kSmuggled, 400},
      {kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + kSmuggled, 400},
      {kPost + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + kSmuggled, 400},
      {kPost + "Content-Length: 0, 44\r\n\r\n" + kSmuggled, 400},
      {kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + kSmuggled, 400},
      {kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + kSmuggled, 400},
      {kPost + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + kSmuggled, 400},
      {kPost + "Content-Length: 0\r\n\tTransfer-Encoding: chunked\r\n\r\n" + kSmuggled, 400},
      {kPost + "Content-Length : 44\r\n\r\n" + kSmuggled, 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kSmuggled, 400},
      {kPost + "X: a\nContent-Length: 44\r\n\r\n" + kSmuggled, 400},
  };
  for (const auto& row : rows) expect_refused(row);
}

TEST_F(Malformed, ABadChunkEndsTheConnection) {
  RawClient client(port());
  client.send(kPost + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n" + kSmuggled);
  EXPECT_EQ(client.read_answer().status, 200);  // the handler does not read bodies
  EXPECT_EQ(client.read_end(), End::kClean);
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(handler.diary.entries().size(), 1u);
}

TEST_F(Malformed, ARefusalComesBehindTheAnswersBeforeIt) {
  RawClient client(port());
  client.send(kStart + "\r\nGET / HTTP/3.0\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_EQ(client.read_answer().status, 505);
  EXPECT_EQ(client.read_end(), End::kClean);
}

TEST_F(Malformed, AClientThatSendsOnStillReadsTheRefusal) {
  RawClient client(port());
  client.send("POST / HTTP/7.0\r\n\r\n" + std::string(300'000, 'x'));
  EXPECT_EQ(client.read_answer().status, 505);
  EXPECT_EQ(client.read_end(), End::kClean);
}

}  // namespace
}  // namespace entrepot::serve
