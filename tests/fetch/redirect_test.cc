#include "entrepot/fetch/client.h"
#include "support/fake_registry.h"
#include "support/run_task.h"

#include <gtest/gtest.h>

namespace entrepot::fetch {
namespace {

using support::FakeRegistry;
using support::run_task;

class Redirect : public ::testing::Test {
 protected:
  Request request(const std::string& path) {
    Request request;
    request.url = registry_.url() + path;
    request.headers = {{"Authorization", "Bearer secret"}};
    return request;
  }
  Result<Response> fetch(Request wanted) { return run_task(client_.fetch(std::move(wanted), 1000)); }

  FakeRegistry registry_;
  FakeRegistry cdn_;
  Client client_{ClientOptions{}};
};

TEST_F(Redirect, AnotherPortDoesNotSeeAuthorization) {
  const std::string digest = cdn_.add_text_blob("library/x", "hello world");
  registry_.add_fault({{"redirect", cdn_.url() + "/cdn/{digest}?signature=s"}});
  Request wanted = request("/v2/library/x/blobs/" + digest);
  wanted.range_from = 6;
  Result<Response> response = fetch(wanted);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->head.status, 206);
  EXPECT_EQ(response->body, "world");
  EXPECT_EQ(response->head.url, cdn_.url() + "/cdn/" + digest + "?signature=s");
  EXPECT_EQ(registry_.requests().at(0)["headers"]["authorization"], "Bearer secret");
  EXPECT_FALSE(cdn_.requests().at(0)["headers"].contains("authorization"));
  EXPECT_EQ(cdn_.requests().at(0)["headers"]["range"], "bytes=6-");
}

TEST_F(Redirect, AnotherHostNameDoesNotSeeAuthorization) {
  const std::string digest = cdn_.add_text_blob("library/x", "hello");
  cdn_.add_fault(
      {{"path", "/start"}, {"redirect", "http://localhost:" + std::to_string(cdn_.port()) + "/cdn/" + digest}});
  Request wanted = request("");
  wanted.url = cdn_.url() + "/start";
  Result<Response> response = fetch(wanted);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "hello");
  EXPECT_FALSE(cdn_.requests().at(1)["headers"].contains("authorization"));
}

TEST_F(Redirect, TheSameOriginSeesAuthorization) {
  const std::string digest = registry_.add_text_blob("library/x", "hello");
  registry_.add_fault({{"path", "/v2/x/"}, {"redirect", "/v2/library/x/blobs/{digest}"}});
  Result<Response> response = fetch(request("/v2/x/blobs/" + digest));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(registry_.requests().at(1)["headers"]["authorization"], "Bearer secret");
}

TEST_F(Redirect, ItIsTheAnswerIfItIsNotToBeFollowed) {
  registry_.add_fault({{"redirect", cdn_.url()}});
  Request wanted = request("/v2/");
  wanted.follow_redirects = false;
  Result<Response> response = fetch(wanted);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->head.status, 307);
  EXPECT_EQ(cdn_.count(""), 0u);
}

TEST_F(Redirect, ALoopEnds) {
  registry_.add_fault({{"redirect", "{self}/again"}});
  Result<Response> response = fetch(request("/v2/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kUpstreamInvalid);
  EXPECT_EQ(registry_.count(""), 6u);
}

TEST_F(Redirect, OnlyHttpIsFollowed) {
  for (const char* target : {"ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1/x"}) {
    registry_.control("DELETE", "/-/faults");
    registry_.add_fault({{"redirect", target}});
    Result<Response> response = fetch(request("/v2/"));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Error::Code::kUpstreamInvalid) << response.error().message;
  }
}

TEST_F(Redirect, AnErrorBehindItNamesBothPlacesButNoSignature) {
  cdn_.add_fault({{"drop", true}});
  registry_.add_fault({{"redirect", cdn_.url() + "/cdn/x?signature=secret"}});
  Result<Response> response = fetch(request("/v2/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Error::Code::kUpstreamDown);
  EXPECT_NE(response.error().message.find(registry_.url()), std::string::npos) << response.error().message;
  EXPECT_NE(response.error().message.find(cdn_.url()), std::string::npos) << response.error().message;
  EXPECT_EQ(response.error().message.find("secret"), std::string::npos) << response.error().message;
}

}  // namespace
}  // namespace entrepot::fetch
