#include "serve_fixture.h"

#include <thread>

namespace entrepot::serve {
namespace {

using Clock = std::chrono::steady_clock;

class Deadlines : public ServeTest {
 protected:
  // Far apart from those that a test does not mean.
  void SetUp() override { options.head_timeout = options.idle_timeout = options.write_timeout = 60s; }
};

TEST_F(Deadlines, ATlsHelloIsAnsweredAtOnce) {
  start();
  RawClient client(port());
  client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("plain HTTP"), std::string::npos);
  EXPECT_EQ(client.read_end(), End::kClean);
}

TEST_F(Deadlines, ASlowHeadIsRefused) {
  options.head_timeout = 150ms;
  start();
  RawClient client(port());
  client.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.read_answer().status, 408);
  EXPECT_EQ(client.read_end(), End::kClean);
  EXPECT_TRUE(handler.diary.wait_for("refused 408"));
}

TEST_F(Deadlines, ADrippingHeadIsRefusedToo) {
  options.head_timeout = 200ms;
  start();
  RawClient client(port());
  const auto end = Clock::now() + 10s;
  client.send("GET / HTTP/1.1\r\nA: ");
  // Each byte is progress, and does not count.
  while (Clock::now() < end && client.send("a")) {
    char peeked = 0;
    if (::recv(client.fd(), &peeked, 1, MSG_PEEK | MSG_DONTWAIT) > 0) break;
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(client.read_answer().status, 408);
}

TEST_F(Deadlines, AnIdleConnectionIsClosedQuietly) {
  options.idle_timeout = 150ms;
  start();
  RawClient fresh(port());
  RawClient used(port());
  EXPECT_EQ(used.get("/").status, 200);
  EXPECT_EQ(used.read_end(), End::kClean);
  EXPECT_EQ(fresh.read_end(), End::kClean);
  EXPECT_EQ(fresh.rest() + used.rest(), "");
  EXPECT_TRUE(wait_for_connections(0));
  EXPECT_EQ(handler.diary.entries().size(), 1u);
}

TEST_F(Deadlines, AWorkingHandlerHasNone) {
  options.head_timeout = options.idle_timeout = options.write_timeout = 50ms;
  handler.routes["/slow"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    co_await sleep_for(400);
    Head head;
    co_await response.send(std::move(head), "at last");
  };
  start();
  EXPECT_EQ(RawClient(port()).get("/slow").body, "at last");
}

TEST_F(Deadlines, ABodyThatDoesNotComeEndsTheConnection) {
  options.head_timeout = 150ms;
  start();
  RawClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_EQ(client.read_end(), End::kClean);
}

Task<> send_file(FakeHandler& self, const Request&, Response& response) {
  Head head;
  co_await response.begin(std::move(head), self.file_size);
  const bool sent = co_await response.send_file(self.file.get(), 0, self.file_size);
  self.diary.note(sent ? "sent" : "gave up");
  if (sent) co_await response.finish();
}

TEST_F(Deadlines, AClientThatTakesNothingIsCut) {
  options.write_timeout = 200ms;
  give_file(std::string(30'000'000, 'x'));
  handler.routes["/file"] = send_file;
  start();
  RawClient client(port());
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(handler.diary.wait_for("gave up"));
  EXPECT_TRUE(wait_for_connections(0));
  EXPECT_EQ(client.read_end(), End::kReset);
}

TEST_F(Deadlines, ASlowClientIsNotCut) {
  options.write_timeout = 300ms;
  give_file(pattern(12'000'000));
  handler.routes["/file"] = send_file;
  start();
  RawClient client(port(), 64 * 1024);
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  // Much less than the kernel's buffer in each write_timeout, so the socket never becomes writable.
  const auto end = Clock::now() + 1500ms;
  while (Clock::now() < end) {
    ASSERT_TRUE(client.receive(16 * 1024));
    std::this_thread::sleep_for(40ms);
  }
  const Answer answer = client.read_answer();
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.body == pattern(12'000'000));
}

}  // namespace
}  // namespace entrepot::serve
