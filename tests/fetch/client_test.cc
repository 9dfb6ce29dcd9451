#include "entrepot/fetch/client.h"

#include "support/fake_registry.h"
#include "support/recording_sink.h"
#include "support/run_task.h"

#include <gtest/gtest.h>

#include <set>

namespace entrepot::fetch {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using support::FakeRegistry;
using support::RecordingSink;
using support::run_task;
using support::run_tasks;

constexpr size_t kMegabyte = 1 << 20;

class FetchClient : public ::testing::Test {
 protected:
  Request blob_request(uint64_t size) {
    digest_ = registry_.add_blob("library/x", size);
    return request("/v2/library/x/blobs/" + digest_);
  }
  Request request(const std::string& path) {
    Request request;
    request.url = registry_.url() + path;
    return request;
  }
  Result<Response> fetch(Request wanted, size_t max_body = kMegabyte) {
    return run_task(client_.fetch(std::move(wanted), max_body));
  }
  // What a transfer under `fault` ends with.
  Result<void> end_under(const json& fault) {
    Request wanted = blob_request(10'000);
    wanted.timeouts.stall = milliseconds(200);
    registry_.control("DELETE", "/-/faults");
    registry_.add_fault(fault);
    auto sink = std::make_shared<RecordingSink>();
    client_.stream(std::move(wanted), sink);
    return sink->wait_done();
  }
  Error::Code code_under(const json& fault) {
    const Result<void> result = end_under(fault);
    EXPECT_FALSE(result) << fault;
    return result ? Error::Code::kInternal : result.error().code;
  }

  FakeRegistry registry_;
  std::string digest_;
  Client client_{ClientOptions{.loops = 1, .connections_per_host = 64, .ca_file = {}, .user_agent = "entrepot/test"}};
};

TEST_F(FetchClient, BringsStatusHeadersAndBody) {
  registry_.add_fault({{"status", 418}, {"body", "short"}, {"headers", {{"X-Answer", "a"}}}});
  Result<Response> response = fetch(request("/v2/"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->head.status, 418);
  EXPECT_EQ(response->head.header("x-answer"), "a");
  EXPECT_EQ(response->head.content_length(), 5u);
  EXPECT_EQ(response->head.url, registry_.url() + "/v2/");
  EXPECT_EQ(response->body, "short");
}

TEST_F(FetchClient, SendsOnlyTheHeadersAskedFor) {
  Request wanted = blob_request(100);
  wanted.headers = {{"X-One", "1"}, {"X-Empty", ""}};
  ASSERT_TRUE(fetch(wanted));
  const json headers = registry_.requests().at(0)["headers"];
  const json expected = {
      {"host", registry_.url().substr(7)}, {"user-agent", "entrepot/test"}, {"x-one", "1"}, {"x-empty", ""}};
  EXPECT_EQ(headers, expected);
}

TEST_F(FetchClient, UsesAConnectionAgain) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(fetch(request("/v2/")));
  std::set<int> connections;
  for (const json& seen : registry_.requests()) connections.insert(seen["connection"].get<int>());
  EXPECT_EQ(connections.size(), 1u);
}

TEST_F(FetchClient, AsksForARange) {
  Request wanted = blob_request(1000);
  wanted.range_from = 990;
  Result<Response> response = fetch(wanted);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->head.status, 206);
  EXPECT_EQ(response->body.size(), 10u);
}

TEST_F(FetchClient, HeadHasALengthAndNoBody) {
  Request wanted = blob_request(5'000'000);
  wanted.method = "HEAD";
  Result<Response> response = fetch(wanted, 10);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->head.content_length(), 5'000'000u);
  EXPECT_EQ(response->body, "");
}

TEST_F(FetchClient, PostSendsItsBody) {
  registry_.add_fault({{"status", 202}});
  Request wanted = request("/hook");
  wanted.method = "POST";
  wanted.body = std::string(2'000'000, 'x');
  wanted.headers = {{"Content-Type", "text/plain"}};
  Result<Response> response = fetch(wanted);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->head.status, 202);
  EXPECT_EQ(registry_.requests().at(0)["body"].get<std::string>(), wanted.body);
}

TEST_F(FetchClient, ABigBodyArrivesWholeAndIsCounted) {
  constexpr uint64_t kSize = 64 * kMegabyte + 7;
  auto sink = std::make_shared<RecordingSink>();
  client_.stream(blob_request(kSize), sink);
  ASSERT_TRUE(sink->wait_done());
  EXPECT_EQ(registry_.add_text_blob("copy", sink->body()), digest_);
  EXPECT_EQ(client_.body_bytes(), kSize);
}

TEST_F(FetchClient, TheHeadComesBeforeTheBodyIsThere) {
  registry_.add_fault({{"hold", "body"}, {"hold_after", 100}});
  auto sink = std::make_shared<RecordingSink>();
  client_.stream(blob_request(1000), sink);
  EXPECT_EQ(sink->wait_head().content_length(), 1000u);
  sink->wait_body(100);
  EXPECT_FALSE(sink->done());
  registry_.release("body");
  EXPECT_TRUE(sink->wait_done());
  EXPECT_EQ(sink->body().size(), 1000u);
}

TEST_F(FetchClient, BodiesWithoutALength) {
  for (const char* framing : {"chunked", "no_length"}) {
    registry_.control("DELETE", "/-/faults");
    registry_.add_fault({{framing, true}});
    Result<Response> response = fetch(blob_request(300'000));
    ASSERT_TRUE(response) << framing << response.error().message;
    EXPECT_EQ(response->head.content_length(), std::nullopt) << framing;
    EXPECT_EQ(response->body.size(), 300'000u) << framing;
  }
}

TEST_F(FetchClient, ABrokenOffBodyIsUpstreamDown) {
  EXPECT_EQ(code_under({{"cut_after", 5000}}), Error::Code::kUpstreamDown);
  EXPECT_EQ(code_under({{"reset_after", 5000}}), Error::Code::kUpstreamDown);
  EXPECT_EQ(code_under({{"wrong_length", 10'001}}), Error::Code::kUpstreamDown);
  EXPECT_EQ(code_under({{"chunked", true}, {"cut_after", 5000}}), Error::Code::kUpstreamDown);
  EXPECT_EQ(code_under({{"drop", true}}), Error::Code::kUpstreamDown);
}

TEST_F(FetchClient, NoHttpIsUpstreamInvalid) {
  EXPECT_EQ(code_under({{"garbage", true}}), Error::Code::kUpstreamInvalid);
  EXPECT_EQ(code_under({{"garbage", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"}}),
            Error::Code::kUpstreamInvalid);
}

// What is left of an answer that was longer than its length is not the next one's fault.
TEST_F(FetchClient, SurplusOnAKeptConnectionIsUpstreamDown) {
  registry_.add_fault({{"times", 1}});
  registry_.add_fault({{"times", 1}, {"garbage", "more of the first"}});
  ASSERT_TRUE(fetch(request("/v2/")));
  Result<Response> response = fetch(request("/v2/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kUpstreamDown) << response.error().message;
}

TEST_F(FetchClient, AStalledBodyIsATimeout) {
  EXPECT_EQ(code_under({{"stall_after", 5000}}), Error::Code::kUpstreamTimeout);
}

TEST_F(FetchClient, AStalledBodyOfUnknownLengthIsATimeout) {
  EXPECT_EQ(code_under({{"chunked", true}, {"stall_after", 0}}), Error::Code::kUpstreamTimeout);
}

TEST_F(FetchClient, ASlowBodyHasNotStalled) { EXPECT_TRUE(end_under({{"rate", 10'000}})); }

TEST_F(FetchClient, NoHeadInTimeIsATimeout) {
  registry_.add_fault({{"hang", true}});
  Request wanted = request("/v2/?secret=1");
  wanted.timeouts.head = milliseconds(200);
  const auto start = steady_clock::now();
  Result<Response> response = fetch(wanted);
  const auto taken = steady_clock::now() - start;
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kUpstreamTimeout);
  EXPECT_EQ(response.error().message, "GET " + registry_.url() + "/v2/: no answer within 200ms");
  EXPECT_GE(taken, milliseconds(200));
  EXPECT_LT(taken, milliseconds(5000));
}

TEST_F(FetchClient, NobodyThereIsUpstreamDown) {
  Request wanted = request("/v2/");
  {
    FakeRegistry gone;
    wanted.url = gone.url() + "/v2/";
  }
  Result<Response> response = fetch(wanted);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kUpstreamDown);
  wanted.url = "http://no-such-host.invalid/v2/";
  response = fetch(wanted);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kUpstreamDown) << response.error().message;
}

TEST_F(FetchClient, AVerdictStopsWithSuccess) {
  for (const uint64_t stop_at : {uint64_t{0}, uint64_t{1}, uint64_t{700'000}}) {
    auto sink = std::make_shared<RecordingSink>();
    sink->stop_at = stop_at;
    client_.stream(blob_request(64 * kMegabyte), sink);
    EXPECT_TRUE(sink->wait_done()) << stop_at;
    EXPECT_LT(sink->body().size(), 4 * kMegabyte) << stop_at;
    EXPECT_EQ(sink->body().empty(), stop_at == 0);
  }
}

TEST_F(FetchClient, FetchIsBounded) {
  Result<Response> response = fetch(blob_request(1001), 1000);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kTooLarge);
  registry_.add_fault({{"chunked", true}});
  response = fetch(blob_request(1001), 1000);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kTooLarge);
  EXPECT_TRUE(fetch(blob_request(1000), 1000));
}

TEST_F(FetchClient, WhatCannotBeSentIsRefused) {
  Request wanted = request("/v2/");
  wanted.headers = {{"X-One", "1\r\nX-Two: 2"}};
  EXPECT_EQ(fetch(wanted).error().code, Error::Code::kInternal);
  wanted.headers = {{"X-One: 1\r\nX-Two", "2"}};
  EXPECT_EQ(fetch(wanted).error().code, Error::Code::kInternal);
  wanted.headers.clear();
  wanted.method = "DELETE";
  EXPECT_EQ(fetch(wanted).error().code, Error::Code::kInternal);
  EXPECT_EQ(registry_.count(""), 0u);
}

TEST_F(FetchClient, ManyAtOnce) {
  const Request wanted = blob_request(100'000);
  std::vector<Task<Result<Response>>> tasks;
  for (int i = 0; i < 300; ++i) tasks.push_back(client_.fetch(wanted, kMegabyte));
  for (const Result<Response>& response : run_tasks(std::move(tasks), 2)) {
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body.size(), 100'000u);
  }
}

// One connection: the second request waits in libcurl, where the connect time-out must not tick.
TEST_F(FetchClient, WaitsForAFreeConnection) {
  Client narrow(ClientOptions{.loops = 1, .connections_per_host = 1, .ca_file = {}, .user_agent = {}});
  registry_.add_fault({{"hold", "first"}, {"times", 1}, {"path", "first"}});
  Request wanted = request("/v2/?first");
  wanted.timeouts.connect = milliseconds(100);
  auto first = std::make_shared<RecordingSink>();
  narrow.stream(wanted, first);
  ASSERT_TRUE(registry_.wait_for("first", 1));

  auto second = std::make_shared<RecordingSink>();
  wanted.url = registry_.url() + "/v2/?second";
  narrow.stream(wanted, second);
  // The time-out of a third one, which also waits, is the proof that the second had time to fail.
  wanted.timeouts.head = milliseconds(400);
  auto third = std::make_shared<RecordingSink>();
  narrow.stream(wanted, third);
  EXPECT_EQ(third->wait_done().error().code, Error::Code::kUpstreamTimeout);
  EXPECT_FALSE(second->done());
  registry_.release("first");
  EXPECT_TRUE(first->wait_done());
  EXPECT_TRUE(second->wait_done());
}

TEST_F(FetchClient, ItsEndIsTheEndOfAllTransfers) {
  registry_.add_fault({{"hang", true}, {"path", "hang"}});
  registry_.add_fault({{"stall_after", 10}});
  auto hanging = std::make_shared<RecordingSink>();
  auto running = std::make_shared<RecordingSink>();
  auto late = std::make_shared<RecordingSink>();
  {
    Client client(ClientOptions{.loops = 2, .connections_per_host = 64, .ca_file = {}, .user_agent = {}});
    hanging->at_done = [&] { client.stream(request("/v2/"), late); };
    client.stream(request("/hang"), hanging);
    client.stream(blob_request(1000), running);
    ASSERT_TRUE(registry_.wait_for("hang", 1));
    running->wait_body(10);
  }
  for (auto& sink : {hanging, running, late}) {
    ASSERT_TRUE(sink->done());
    EXPECT_EQ(sink->wait_done().error().code, Error::Code::kStopping);
  }
  EXPECT_TRUE(running->has_head());
}

}  // namespace
}  // namespace entrepot::fetch
