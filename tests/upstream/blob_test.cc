#include "support/recording_sink.h"
#include "upstream_fixture.h"

#include <chrono>

namespace entrepot::upstream {
namespace {

using nlohmann::json;
using support::RecordingSink;

class Blob : public UpstreamFixture {
 protected:
  Blob() : blob_(digest(registry_.add_text_blob("library/x", "hello world"))) {}

  Result<void> get(uint64_t from = 0) {
    return support::run_task(upstream().get_blob(repository("library/x"), blob_, from, sink_));
  }
  // What an answer under `fault` comes to; the sink hears of it only as the end.
  Error refusal(const json& fault, uint64_t from = 0) {
    registry_.control("DELETE", "/-/faults");
    registry_.add_fault(fault);
    sink_ = std::make_shared<RecordingSink>();
    Result<void> result = get(from);
    EXPECT_FALSE(result) << fault;
    EXPECT_FALSE(sink_->has_head()) << fault;
    EXPECT_EQ(sink_->body(), "") << fault;
    EXPECT_TRUE(sink_->done()) << fault;
    if (result) return {Error::Code::kInternal, "no error"};
    EXPECT_EQ(sink_->wait_done().error().message, result.error().message);
    return result.error();
  }

  const oci::Digest blob_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(Blob, Whole) {
  Result<void> result = get();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(sink_->wait_done());
  EXPECT_EQ(sink_->wait_head().status, 200);
  EXPECT_EQ(sink_->body(), "hello world");
  const json headers = registry_.requests().at(0)["headers"];
  EXPECT_FALSE(headers.contains("accept") || headers.contains("accept-encoding") || headers.contains("range"));
}

TEST_F(Blob, FromAByteOn) {
  ASSERT_TRUE(get(6));
  EXPECT_EQ(sink_->wait_head().status, 206);
  EXPECT_EQ(sink_->body(), "world");
}

TEST_F(Blob, AnUpstreamThatIgnoresTheRangeIsLetThrough) {
  registry_.add_fault({{"ignore_range", true}});
  ASSERT_TRUE(get(6));
  EXPECT_EQ(sink_->wait_head().status, 200);
  EXPECT_EQ(sink_->body(), "hello world");
}

TEST_F(Blob, AnotherRangeThanTheOneAskedForIsInvalid) {
  for (const char* range : {"bytes 5-10/11", "bytes */11", "items 6-10/11", ""}) {
    const Error error = refusal({{"headers", {{"Content-Range", range}}}}, 6);
    EXPECT_EQ(error.code, Error::Code::kUpstreamInvalid) << range;
  }
}

TEST_F(Blob, WithTokens) {
  want_tokens();
  ASSERT_TRUE(get());
  EXPECT_EQ(sink_->body(), "hello world");
  registry_.control("POST", "/-/expire");
  sink_ = std::make_shared<RecordingSink>();
  ASSERT_TRUE(get());
  EXPECT_EQ(sink_->body(), "hello world");
  EXPECT_EQ(registry_.count("/token"), 2u);
  const std::map<int, uint64_t> expected = {{200, 4}, {401, 2}};
  EXPECT_EQ(upstream().requests_by_status(), expected);
}

TEST_F(Blob, AFailingTokenServiceEndsIt) {
  want_tokens();
  EXPECT_EQ(refusal({{"path", "/token"}, {"status", 429}}).code, Error::Code::kRateLimited);
  EXPECT_EQ(refusal({{"path", "/token"}, {"status", 200}, {"body", "{}"}}).code, Error::Code::kUpstreamInvalid);
}

TEST_F(Blob, EveryStatusHasItsError) {
  const std::pair<int, Error::Code> table[] = {
      {401, Error::Code::kUnauthorized},    {403, Error::Code::kDenied},      {404, Error::Code::kNotFound},
      {416, Error::Code::kUpstreamInvalid}, {429, Error::Code::kRateLimited}, {503, Error::Code::kUpstreamError},
      {202, Error::Code::kUpstreamInvalid},
  };
  const std::string body = R"({"errors":[{"code":"SOME_CODE","message":"some words"}]})";
  for (const auto& [status, code] : table) {
    registry_.control("DELETE", "/-/requests");
    const Error error = refusal({{"status", status}, {"body", body}});
    EXPECT_EQ(error.code, code) << status;
    EXPECT_TRUE(error.message.starts_with("fake.example/library/x: blob sha256:")) << error.message;
    EXPECT_NE(error.message.find("SOME_CODE: some words"), std::string::npos) << error.message;
    EXPECT_EQ(registry_.count(""), 1u) << status;  // one attempt
  }
}

TEST_F(Blob, AnEndlessErrorBodyIsNotRead) {
  const Error error = refusal({{"status", 404}, {"body", std::string(50'000'000, 'x')}});
  EXPECT_EQ(error.code, Error::Code::kNotFound);
  EXPECT_LT(client_.body_bytes(), 4'000'000u);
}

TEST_F(Blob, ARefusalOfTheCdnIsMappedByItsStatus) {
  support::FakeRegistry cdn;
  cdn.set_auth({{"type", "none"}});
  cdn.add_fault({{"status", 403}, {"body", "<Error>AccessDenied</Error>"}});
  EXPECT_EQ(refusal({{"redirect", cdn.url() + "/cdn/{digest}"}}).code, Error::Code::kDenied);
}

TEST_F(Blob, BrokenOffAfterTheHead) {
  registry_.add_fault({{"cut_after", 5}});
  Result<void> result = get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Error::Code::kUpstreamDown);
  EXPECT_TRUE(result.error().message.starts_with("fake.example/library/x: blob sha256:")) << result.error().message;
  EXPECT_EQ(sink_->wait_done().error().message, result.error().message);
  EXPECT_EQ(sink_->body(), "hello");
  EXPECT_EQ(registry_.count(""), 1u);
}

TEST_F(Blob, BrokenOffBeforeTheHead) { EXPECT_EQ(refusal({{"drop", true}}).code, Error::Code::kUpstreamDown); }

TEST_F(Blob, AVerdictStopsWithSuccess) {
  sink_->stop_at = 0;
  EXPECT_TRUE(get());
  EXPECT_TRUE(sink_->wait_done());
}

Task<> fetch_blob(Upstream& upstream, oci::Digest wanted, std::shared_ptr<fetch::ResponseSink> sink) {
  Result<void> ignored = co_await upstream.get_blob(repository("library/x"), wanted, 0, std::move(sink));
}

// The program stops while a request waits for its token: the sink still hears the end.
TEST_F(Blob, AnAbandonedRequestEndsItsSink) {
  want_tokens();
  registry_.add_fault({{"path", "/token"}, {"hang", true}});
  auto client = std::make_unique<fetch::Client>(fetch::ClientOptions{});
  Upstream abandoned(options_, *client, clock_);
  {
    boost::asio::io_context context(1);
    support::spawn_checked(context.get_executor(), fetch_blob(abandoned, blob_, sink_));
    std::jthread runner([&] { context.run(); });
    ASSERT_TRUE(registry_.wait_for("/token", 1));
    context.stop();
    runner.join();
    client.reset();
    EXPECT_FALSE(sink_->done());
  }
  ASSERT_TRUE(sink_->done());
  EXPECT_EQ(sink_->wait_done().error().code, Error::Code::kStopping);
}

}  // namespace
}  // namespace entrepot::upstream
