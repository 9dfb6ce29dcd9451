// Requests that go well: keep-alive, pipelining, HEAD, unread bodies, Expect, handlers that fail.
#include "serve_fixture.h"

#include <thread>

namespace entrepot::serve {
namespace {

class ConnectionTest : public ServeTest {};

TEST_F(ConnectionTest, KeepsTheConnection) {
  start();
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    const Answer answer = client.get("/a" + std::to_string(i));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /a" + std::to_string(i));
    EXPECT_EQ(answer.header("server"), "entrepot");
    EXPECT_EQ(answer.header("date").size(), 29u);
    EXPECT_FALSE(answer.has("connection"));
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(ConnectionTest, EndsTheConnectionWhenAsked) {
  start();
  RawClient client(port());
  EXPECT_EQ(client.get("/", "Connection: close\r\n").header("connection"), "close");
  EXPECT_EQ(client.read_end(), End::kClean);
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(ConnectionTest, Http10KeepsTheConnectionOnlyIfAsked) {
  start();
  RawClient client(port());
  EXPECT_EQ(client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"), "keep-alive");
  EXPECT_EQ(client.ask("GET / HTTP/1.0\r\n\r\n").header("connection"), "close");
  EXPECT_EQ(client.read_end(), End::kClean);
}

TEST_F(ConnectionTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(port());
  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nGET "
      "\r\nHEAD /3 HTTP/1.1\r\nHost: x\r\n\r\n"
      "PUT /4 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      "GET /5 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "GET /1");
  EXPECT_EQ(client.read_answer().body, "POST /2");
  EXPECT_EQ(client.read_answer(true).header("content-length"), "7");
  EXPECT_EQ(client.read_answer().body, "PUT /4");
  EXPECT_EQ(client.read_answer().body, "GET /5");
}

TEST_F(ConnectionTest, AnswersManyPipelinedRequests) {
  start();
  RawClient client(port());
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(client.read_answer().body, "GET /" + std::to_string(i));
}

TEST_F(ConnectionTest, TakesRequestsByteByByte) {
  start();
  RawClient client(port());
  for (int i = 0; i < 2; ++i) {
    for (char c :
         std::string("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")) {
      ASSERT_TRUE(client.send({&c, 1}));
    }
    EXPECT_EQ(client.read_answer().body, "POST /x");
  }
}

TEST_F(ConnectionTest, GivesTheHandlerTheRequest) {
  handler.routes["/echo"] = [](FakeHandler&, const Request& request, Response& response) -> Task<> {
    std::string text = request.target + "|" + std::string(request.header("x-a")) + "|" + request.remote;
    Head head;
    co_await response.send(std::move(head), std::move(text));
  };
  start();
  RawClient client(port());
  const std::string body = client.get("/echo?n=1", "X-A: b\r\n").body;
  EXPECT_TRUE(body.starts_with("/echo?n=1|b|127.0.0.1:")) << body;
}

TEST_F(ConnectionTest, HeadHasNoBodyWhateverTheHandlerSends) {
  give_file("0123456789");
  handler.routes["/file"] = [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), 10);
    const bool sent = co_await response.send_file(self.file.get(), 0, 10);
    const bool finished = co_await response.finish();
    self.diary.note(sent && finished && response.body_bytes() == 0 ? "good" : "bad");
  };
  handler.routes["/chunked"] = [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), std::nullopt);
    co_await response.send_file(self.file.get(), 0, 10);
    co_await response.finish();
  };
  handler.routes["/head"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.send_head_only(std::move(head), 12345);
  };
  start();
  RawClient client(port());
  EXPECT_EQ(client.ask("HEAD /plain HTTP/1.1\r\nHost: x\r\n\r\n").header("content-length"), "11");
  EXPECT_EQ(client.ask("HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n").header("content-length"), "10");
  EXPECT_EQ(client.ask("HEAD /chunked HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(client.ask("HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n").header("content-length"), "12345");
  EXPECT_EQ(client.get("/next").body, "GET /next");
  EXPECT_TRUE(handler.diary.wait_for("good"));
}

TEST_F(ConnectionTest, AnswersWithoutContent) {
  handler.routes["/204"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    Head head{204, {}};
    co_await response.send(std::move(head), "ignored");
  };
  handler.routes["/304"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    Head head{304, {}};
    co_await response.send_head_only(std::move(head), 77);
  };
  handler.routes["/304-bare"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    Head head{304, {}};
    co_await response.send(std::move(head), "");
  };
  handler.routes["/202"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    Head head{202, {}};
    co_await response.send_head_only(std::move(head), std::nullopt);
  };
  start();
  RawClient client(port());
  EXPECT_FALSE(client.get("/204").has("content-length"));
  EXPECT_EQ(client.get("/304").header("content-length"), "77");
  EXPECT_FALSE(client.get("/304-bare").has("content-length"));
  EXPECT_EQ(client.get("/202").header("content-length"), "0");
  EXPECT_EQ(client.get("/next").body, "GET /next");
}

TEST_F(ConnectionTest, AHandlerThatFailsAnswers500) {
  handler.routes["/throw"] = [](FakeHandler&, const Request&, Response&) -> Task<> {
    throw std::runtime_error("a bug");
    co_return;
  };
  handler.routes["/nothing"] = [](FakeHandler&, const Request&, Response&) -> Task<> { co_return; };
  start();
  RawClient client(port());
  EXPECT_EQ(client.get("/throw").status, 500);
  EXPECT_EQ(client.get("/nothing").status, 500);
  EXPECT_EQ(client.get("/next").status, 200);
}

TEST_F(ConnectionTest, UnreadBodiesArePassedOver) {
  options.max_drained_body = 100'000;
  start();
  RawClient client(port());
  client.send("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_FALSE(client.read_answer().has("connection"));
  client.send(std::string(100'000, 'x'));
  EXPECT_EQ(client.get("/2").body, "GET /2");
  client.send("POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 9; ++i) client.send("2710\r\n" + std::string(10'000, 'x') + "\r\n");
  client.send("0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "POST /3");
  EXPECT_EQ(client.get("/4").body, "GET /4");
}

TEST_F(ConnectionTest, ALongUnreadBodyEndsTheConnection) {
  start();
  RawClient client(port());
  client.send("PUT /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n" + std::string(65'537, 'x'));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.body, "PUT /1");
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_EQ(client.read_end(), End::kClean);
}

TEST_F(ConnectionTest, AnEndlessChunkedBodyEndsTheConnection) {
  start();
  RawClient client(port());
  client.send("PUT /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "PUT /1");
  std::string chunks;
  for (int i = 0; i < 10; ++i) chunks += "2710\r\n" + std::string(10'000, 'x') + "\r\n";
  client.send(chunks);
  EXPECT_EQ(client.read_end(), End::kClean);
}

TEST_F(ConnectionTest, ABodyThatWaitsForContinueIsNotAwaited) {
  start();
  RawClient client(port());
  client.send("PUT /1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);  // and no 100 before
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_EQ(client.read_end(), End::kClean);

  RawClient empty(port());
  EXPECT_FALSE(
      empty.ask("PUT /1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n").has("connection"));
  EXPECT_EQ(empty.get("/2").body, "GET /2");
}

TEST_F(ConnectionTest, AClientThatLeavesInTheMiddleIsForgotten) {
  start();
  { RawClient(port()).send("GET / HT"); }
  { RawClient(port()).send("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"); }
  { RawClient client(port()); }
  EXPECT_TRUE(handler.diary.wait_for("GET /"));
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(ConnectionTest, ServesManyClientsAtOnce) {
  give_file(pattern(200'000));
  handler.routes["/file"] = [](FakeHandler& self, const Request&, Response& response) -> Task<> {
    Head head;
    co_await response.begin(std::move(head), self.file_size);
    co_await response.send_file(self.file.get(), 0, self.file_size);
    co_await response.finish();
  };
  start();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([this, &good] {
      for (int c = 0; c < 5; ++c) {
        RawClient client(port());
        for (int i = 0; i < 10; ++i) {
          good += client.get("/a").body == "GET /a";
          good += client.get("/file").body.size() == 200'000;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 800);
  EXPECT_TRUE(wait_for_connections(0));
}

}  // namespace
}  // namespace entrepot::serve
