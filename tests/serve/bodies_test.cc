// Bodies from files: exact bytes, and a cut that no client can take for the end.
#include "serve/cold_file.h"
#include "serve_fixture.h"

#include <fcntl.h>
#include <unistd.h>

namespace entrepot::serve {
namespace {

// Sends the file in two pieces, framed by whether the path ends in "length", and finishes.
Task<> send_whole(FakeHandler& self, const Request& request, Response& response) {
  Head head;
  std::optional<uint64_t> length;
  if (request.target.ends_with("length")) length = self.file_size;
  const uint64_t half = self.file_size / 2;
  co_await response.begin(std::move(head), length);
  co_await response.send_file(self.file.get(), 0, half);
  co_await response.send_file(self.file.get(), 0, 0);
  co_await response.send_file(self.file.get(), half, self.file_size - half);
  const bool finished = co_await response.finish();
  self.diary.note(finished && response.body_bytes() == self.file_size ? "whole" : "broken");
}

// Stops in the middle.
Task<> send_half(FakeHandler& self, const Request& request, Response& response) {
  Head head;
  std::optional<uint64_t> length;
  if (request.target.ends_with("length")) length = self.file_size;
  co_await response.begin(std::move(head), length);
  co_await response.send_file(self.file.get(), 0, self.file_size / 2);
}

// Sends more than the file has.
Task<> send_beyond(FakeHandler& self, const Request& request, Response& response) {
  Head head;
  std::optional<uint64_t> length;
  if (request.target.ends_with("length")) length = self.file_size + 10;
  co_await response.begin(std::move(head), length);
  const bool sent = co_await response.send_file(self.file.get(), 0, self.file_size + 10);
  const bool finished = co_await response.finish();
  self.diary.note(sent || finished ? "took it" : "noticed");
}

class Bodies : public ServeTest {
 protected:
  void serve(std::string content, FakeHandler::Route route) {
    give_file(content);
    handler.routes["/length"] = handler.routes["/unknown"] = route;
    start();
  }
};

TEST_F(Bodies, AreExact) {
  for (const size_t size : {1u, 1000u, 300'001u}) {
    const std::string content = pattern(size);
    handler.file_size = 0;
    serve(content, send_whole);
    RawClient client(port());
    for (const std::string path : {"/length", "/unknown"}) {
      const Answer answer = client.get(path);
      EXPECT_TRUE(answer.complete);
      EXPECT_TRUE(answer.body == content) << size << path;
      EXPECT_EQ(answer.has("content-length"), path == "/length");
    }
    EXPECT_EQ(client.get("/next").body, "GET /next");
  }
  EXPECT_TRUE(handler.diary.wait_for("whole"));
}

TEST_F(Bodies, AnEmptyBodyIsABody) {
  serve("", send_whole);
  RawClient client(port());
  EXPECT_EQ(client.get("/length").header("content-length"), "0");
  EXPECT_TRUE(client.get("/unknown").complete);
  EXPECT_EQ(client.get("/next").body, "GET /next");
}

TEST_F(Bodies, ABigFileIsExact) {
  const std::string content = pattern(20'000'003);
  serve(content, send_whole);
  RawClient client(port());
  EXPECT_TRUE(client.get("/length").body == content);
  EXPECT_TRUE(client.get("/unknown").body == content);
}

TEST_F(Bodies, AColdFileIsExact) {
  const std::string content = pattern(5'000'000);
  serve(content, send_whole);
  ::fdatasync(handler.file.get());
  ::posix_fadvise(handler.file.get(), 0, 0, POSIX_FADV_DONTNEED);
  EXPECT_TRUE(RawClient(port()).get("/length").body == content);
}

TEST_F(Bodies, WarmingBringsAFileIntoMemory) {
  give_file(pattern(3'000'000));
  const int fd = handler.file.get();
  ::fdatasync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  const bool was_cold = is_cold(fd, 0, 3'000'000);  // not every file system can tell
  ASSERT_TRUE((WarmUp{fd, 0, 3'000'000}()).has_value());
  EXPECT_FALSE(is_cold(fd, 0, 3'000'000));
  RecordProperty("could_tell", was_cold);
  EXPECT_FALSE((WarmUp{fd, 0, 3'000'001}()).has_value());
  EXPECT_FALSE((WarmUp{-1, 0, 1}()).has_value());
}

TEST_F(Bodies, Http10GetsAnUnknownLengthUntilTheEnd) {
  const std::string content = pattern(300'000);
  serve(content, send_whole);
  RawClient client(port());
  const Answer answer = client.ask("GET /unknown HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_FALSE(answer.has("transfer-encoding"));
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.body == content);
}

TEST_F(Bodies, AHandlerThatStopsShortCutsTheBody) {
  serve(pattern(100'000), send_half);
  for (const std::string path : {"/length", "/unknown"}) {
    RawClient client(port());
    const Answer answer = client.get(path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.complete);
    EXPECT_EQ(answer.body.size(), 50'000u);
    EXPECT_NE(client.read_end(), End::kOpen);
  }
}

TEST_F(Bodies, ACutHttp10BodyIsNoCleanEnd) {
  serve(pattern(100'000), send_half);
  RawClient client(port());
  client.send("GET /unknown HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_end(), End::kReset);
}

TEST_F(Bodies, AFileThatIsTooShortCutsTheBody) {
  serve(pattern(100'000), send_beyond);
  for (const std::string path : {"/length", "/unknown"}) {
    RawClient client(port());
    const Answer answer = client.get(path);
    EXPECT_FALSE(answer.complete);
    EXPECT_LE(answer.body.size(), 100'000u);
    EXPECT_NE(client.read_end(), End::kOpen);
  }
  for (const auto& entry : handler.diary.entries()) EXPECT_NE(entry, "took it");
}

TEST_F(Bodies, AHandlerThatThrowsInTheMiddleCutsTheBody) {
  serve("0123456789", [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), std::nullopt);
    co_await response.send_file(self.file.get(), 0, 10);
    throw std::runtime_error("a bug");
  });
  RawClient client(port());
  const Answer answer = client.get("/unknown");
  EXPECT_EQ(answer.body, "0123456789");
  EXPECT_FALSE(answer.complete);
  EXPECT_NE(client.read_end(), End::kOpen);
}

TEST_F(Bodies, ALengthIsNeverOverrun) {
  serve("0123456789", [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), 5);
    const bool sent = co_await response.send_file(self.file.get(), 0, 10);
    self.diary.note(sent ? "sent" : "refused to");
  });
  RawClient client(port());
  EXPECT_FALSE(client.get("/length").complete);
  EXPECT_TRUE(handler.diary.wait_for("refused to"));
}

TEST_F(Bodies, AResponseIsStartedOnce) {
  serve("", [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head first;
    co_await response.send(std::move(first), "one");
    Head second;
    const bool sent = co_await response.send(std::move(second), "two");
    self.diary.note(sent ? "sent twice" : "sent once");
  });
  RawClient client(port());
  EXPECT_EQ(client.get("/length").body, "one");
  EXPECT_NE(client.read_end(), End::kOpen);
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(handler.diary.wait_for("sent once"));
}

TEST_F(Bodies, TheHeadIsThereBeforeTheBody) {
  serve("0123456789", [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), 10);
    co_await self.release.wait();
    co_await response.send_file(self.file.get(), 0, 10);
    co_await response.finish();
  });
  RawClient client(port());
  client.send("GET /length HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.receive(17));  // while the handler waits
  handler.release.set(1);
  EXPECT_EQ(client.read_answer().body, "0123456789");
}

TEST_F(Bodies, AHeadAheadOfItsBodyDoesNotWaitForIt) {
  serve("0123456789", [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), std::nullopt, Response::FirstPiece::kLater);
    co_await self.release.wait();
    co_await response.send_file(self.file.get(), 0, 10);
    co_await response.finish();
  });
  RawClient client(port());
  client.send("GET /unknown HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.receive());
  EXPECT_TRUE(client.rest().ends_with("\r\n\r\n"));
  handler.release.set(1);
  EXPECT_EQ(client.read_answer().body, "0123456789");
}

TEST_F(Bodies, AClientThatLeavesIsNoticedByTheNextWrite) {
  serve(pattern(20'000'000), [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), self.file_size);
    const bool sent = co_await response.send_file(self.file.get(), 0, self.file_size);
    self.diary.note(sent ? "sent" : "gone");
  });
  { RawClient(port()).send("GET /length HTTP/1.1\r\nHost: x\r\n\r\n"); }
  EXPECT_TRUE(handler.diary.wait_for("gone"));
  EXPECT_TRUE(wait_for_connections(0));
}

}  // namespace
}  // namespace entrepot::serve
