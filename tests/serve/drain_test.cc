#include "serve_fixture.h"

#include <future>

namespace entrepot::serve {
namespace {

Task<> wait_then_answer(FakeHandler& self, const Request&, Response& response) {
  co_await self.release.wait();
  Head head;
  const bool sent = co_await response.send(std::move(head), "done");
  self.diary.note(sent ? "sent" : "gone");
}

// Fills the client's window, so that it waits in a write.
Task<> send_file(FakeHandler& self, const Request& request, Response& response) {
  Head head;
  std::optional<uint64_t> length;
  if (request.minor_version == 1) length = self.file_size;
  co_await response.begin(std::move(head), length);
  const bool sent = co_await response.send_file(self.file.get(), 0, self.file_size);
  self.diary.note(sent ? "sent" : "gone");
  if (sent) co_await response.finish();
}

class Drain : public ServeTest {
 protected:
  void SetUp() override {
    handler.routes["/wait"] = wait_then_answer;
    handler.routes["/file"] = send_file;
    give_file(std::string(30'000'000, 'x'));
    start();
  }
  std::future<void> drain(std::chrono::milliseconds deadline) {
    return std::async(std::launch::async, [this, deadline] { server->drain(deadline); });
  }
};

TEST_F(Drain, ClosesIdleConnectionsAndTheListener) {
  RawClient idle(port());
  EXPECT_EQ(idle.get("/").status, 200);
  RawClient fresh(port());
  server->drain(10s);
  EXPECT_EQ(idle.read_end(), End::kClean);
  EXPECT_NE(fresh.read_end(), End::kOpen);
  EXPECT_FALSE(RawClient(port()).connected());
  EXPECT_EQ(server->connections(), 0u);
  server->drain(10s);
}

TEST_F(Drain, LetsARunningResponseFinish) {
  RawClient client(port());
  client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(handler.diary.wait_for("GET /wait"));
  RawClient idle[3] = {RawClient(port()), RawClient(port()), RawClient(port())};
  for (auto& each : idle) EXPECT_EQ(each.get("/").status, 200);
  auto drained = drain(60s);
  for (auto& each : idle) EXPECT_EQ(each.read_end(), End::kClean);  // so both workers drain by now
  handler.release.set(1);
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_EQ(client.read_end(), End::kClean);
  drained.get();
}

TEST_F(Drain, LetsALongBodyFinish) {
  RawClient client(port());
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(handler.diary.wait_for("GET /file"));
  auto drained = drain(60s);
  EXPECT_EQ(client.read_answer().body.size(), 30'000'000u);
  EXPECT_EQ(client.read_end(), End::kClean);
  drained.get();
}

TEST_F(Drain, CutsAtTheDeadline) {
  RawClient client(port());
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  RawClient old(port());
  old.send("GET /file HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(client.receive(1));
  ASSERT_TRUE(old.receive(1));
  server->drain(100ms);
  EXPECT_EQ(server->connections(), 0u);
  EXPECT_FALSE(client.read_answer().complete);
  EXPECT_EQ(old.read_end(), End::kReset);
  EXPECT_TRUE(handler.diary.wait_for("gone"));
}

TEST_F(Drain, ClosesTheSocketOfAHandlerThatWaits) {
  RawClient client(port());
  client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(handler.diary.wait_for("GET /wait"));
  server->drain(50ms);  // returns though the handler waits on
  EXPECT_NE(client.read_end(), End::kOpen);
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(server->connections(), 1u);
  handler.release.set(1);
  server.reset();  // waits for the handler
  EXPECT_TRUE(handler.diary.wait_for("gone"));
}

TEST_F(Drain, ManyMayCallIt) {
  RawClient client(port());
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(client.receive(1));
  auto first = drain(100ms);
  auto second = drain(100ms);
  first.get();
  second.get();
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(Drain, AServerThatGoesCutsItsConnections) {
  RawClient client(port());
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(client.receive(1));
  server.reset();
  EXPECT_FALSE(client.read_answer().complete);
}

}  // namespace
}  // namespace entrepot::serve
