#include "upstream/token_source.h"

#include "upstream_fixture.h"

#include <vector>

namespace entrepot::upstream {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class Tokens : public UpstreamFixture {
 protected:
  // An answer of the token service that the fake registry will not take for a token.
  void answer_token(const json& reply) {
    registry_.add_fault({{"path", "/token"}, {"status", 200}, {"body", reply.dump()}});
  }
  std::string last_authorization() { return registry_.requests().back()["headers"].value("authorization", ""); }
};

TEST_F(Tokens, AnOpenRegistryIsSentNothing) {
  with_credentials();
  ASSERT_TRUE(head());
  EXPECT_EQ(last_authorization(), "");
}

TEST_F(Tokens, OneTokenServesManyRequests) {
  want_tokens();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(head());
  EXPECT_EQ(registry_.count("/token"), 1u);
  EXPECT_EQ(registry_.count("/v2/"), 6u);
  EXPECT_EQ(registry_.requests().at(1)["target"], "/token?service=fake&scope=repository%3Alibrary%2Fx%3Apull");
  const std::map<int, uint64_t> expected = {{200, 6}, {401, 1}};
  EXPECT_EQ(upstream().requests_by_status(), expected);
}

TEST_F(Tokens, AnotherRepositoryGoesStraightToTheTokenService) {
  registry_.add_manifest("library/y", "latest", std::string(kType), "{}");
  want_tokens();
  ASSERT_TRUE(head());
  registry_.control("DELETE", "/-/requests");
  ASSERT_TRUE(head("library/y"));
  const json seen = registry_.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0]["target"], "/token?service=fake&scope=repository%3Alibrary%2Fy%3Apull");
  EXPECT_EQ(seen[1]["status"], 200);
}

TEST_F(Tokens, CredentialsGoToTheTokenServiceOnly) {
  with_credentials();
  want_tokens();
  ASSERT_TRUE(head());
  const json seen = registry_.requests();
  EXPECT_FALSE(seen.at(0)["headers"].contains("authorization"));
  EXPECT_EQ(seen.at(1)["headers"]["authorization"], "Basic dXNlcjpwYXNzOndvcmQ=");
  EXPECT_NE(seen.at(1)["target"].get<std::string>().find("account=user"), std::string::npos);
  EXPECT_TRUE(seen.at(2)["headers"]["authorization"].get<std::string>().starts_with("Bearer "));
}

TEST_F(Tokens, BadCredentialsAreUnauthorized) {
  with_credentials();
  want_tokens({});
  registry_.set_auth({{"type", "bearer"}, {"username", "user"}, {"password", "other"}});
  Result<ManifestHead> result = head();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Error::Code::kUnauthorized);
  EXPECT_NE(result.error().message.find(registry_.url() + "/token"), std::string::npos) << result.error().message;
  EXPECT_EQ(result.error().message.find("pass:word"), std::string::npos) << result.error().message;
  EXPECT_EQ(registry_.count("/token"), 1u);
}

TEST_F(Tokens, ManyColdRequestsShareOneToken) {
  want_tokens();
  registry_.add_fault({{"path", "/token"}, {"hold", "token"}});
  std::vector<Task<Result<ManifestHead>>> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(upstream().head_manifest(repository("library/x"), tag("latest")));
  std::vector<Result<ManifestHead>> results;
  std::thread runner([&] { results = support::run_tasks(std::move(tasks), 4); });
  EXPECT_TRUE(registry_.wait_for("/token", 1));
  registry_.release("token");
  runner.join();
  for (const auto& result : results) EXPECT_TRUE(result) << result.error().message;
  EXPECT_EQ(registry_.count("/token"), 1u);
}

TEST_F(Tokens, ATokenThatIsRefusedIsRenewedOnceForAll) {
  want_tokens();
  ASSERT_TRUE(head());
  registry_.control("POST", "/-/expire");
  std::vector<Task<Result<ManifestHead>>> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(upstream().head_manifest(repository("library/x"), tag("latest")));
  for (const auto& result : support::run_tasks(std::move(tasks), 4)) EXPECT_TRUE(result) << result.error().message;
  EXPECT_EQ(registry_.count("/token"), 2u);
}

TEST_F(Tokens, ARefusalOfAFreshTokenIsFinal) {
  want_tokens();
  answer_token({{"token", "worthless"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  EXPECT_EQ(registry_.count("/token"), 1u);
  EXPECT_EQ(registry_.count("/v2/"), 2u);
  EXPECT_EQ(last_authorization(), "Bearer worthless");
  // The next request tries it, has another one fetched, tries that.
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  EXPECT_EQ(registry_.count("/token"), 2u);
  EXPECT_EQ(registry_.count("/v2/"), 4u);
}

TEST_F(Tokens, ATokenIsRenewedShortlyBeforeItsEnd) {
  want_tokens({{"expires_in", 300}});
  ASSERT_TRUE(head());
  clock_.advance(seconds(289));
  ASSERT_TRUE(head());
  EXPECT_EQ(registry_.count("/token"), 1u);
  clock_.advance(seconds(1));
  ASSERT_TRUE(head());
  EXPECT_EQ(registry_.count("/token"), 2u);
}

TEST_F(Tokens, AccessTokenIsATokenToo) {
  want_tokens();
  answer_token({{"access_token", "other-name"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  EXPECT_EQ(last_authorization(), "Bearer other-name");
}

TEST_F(Tokens, AnAnswerWithoutATokenIsInvalid) {
  want_tokens();
  for (const json& reply : {json::array(), json::object(), json{{"token", 1}}, json{{"token", "a\r\nX: y"}}}) {
    registry_.control("DELETE", "/-/faults");
    answer_token(reply);
    EXPECT_EQ(code_of_head(), Error::Code::kUpstreamInvalid) << reply;
  }
}

TEST_F(Tokens, TheTokenServicesStatusIsTheError) {
  want_tokens();
  const std::pair<int, Error::Code> table[] = {{403, Error::Code::kDenied},
                                               {404, Error::Code::kNotFound},
                                               {429, Error::Code::kRateLimited},
                                               {501, Error::Code::kUpstreamError}};
  for (const auto& [status, code] : table) {
    registry_.control("DELETE", "/-/faults");
    registry_.add_fault({{"path", "/token"}, {"status", status}});
    EXPECT_EQ(code_of_head(), code) << status;
  }
}

TEST_F(Tokens, ATokenServiceThatIsDownForAMomentIsAskedAgain) {
  want_tokens();
  registry_.add_fault({{"path", "/token"}, {"status", 503}, {"times", 1}});
  registry_.add_fault({{"path", "/token"}, {"drop", true}, {"times", 1}});
  Result<ManifestHead> result = head();
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(Tokens, AForeignRealmGetsNoCredentials) {
  support::FakeRegistry foreign;
  with_credentials();
  want_tokens({{"realm", "http://localhost:" + std::to_string(foreign.port()) + "/token"}});
  Result<ManifestHead> result = head();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Error::Code::kUpstreamInvalid);
  EXPECT_NE(result.error().message.find("http://localhost:"), std::string::npos) << result.error().message;
  EXPECT_EQ(foreign.count(""), 0u);
}

TEST_F(Tokens, AMovedTokenServiceIsFound) {
  support::FakeRegistry old;
  want_tokens({{"realm", old.url() + "/token"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);  // its tokens are good for `old` only
  EXPECT_EQ(old.count("/token"), 1u);
  want_tokens();
  Result<ManifestHead> result = head();
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(Tokens, AStaleRealmIsForgottenWhenItFails) {
  auto old = std::make_unique<support::FakeRegistry>();
  want_tokens({{"realm", old->url() + "/token"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  old.reset();
  want_tokens();
  registry_.add_manifest("library/y", "latest", std::string(kType), "{}");
  Result<ManifestHead> result = head("library/y");
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(Tokens, Basic) {
  with_credentials();
  registry_.set_auth({{"type", "basic"}, {"username", "user"}, {"password", "pass:word"}});
  ASSERT_TRUE(head());
  ASSERT_TRUE(head());
  EXPECT_EQ(registry_.count(""), 3u);  // a refusal once
  registry_.set_auth({{"type", "basic"}, {"username", "user"}, {"password", "changed"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  EXPECT_EQ(registry_.count(""), 4u);
}

TEST_F(Tokens, BasicWithoutCredentialsIsUnauthorized) {
  registry_.set_auth({{"type", "basic"}, {"username", "user"}, {"password", "x"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  EXPECT_EQ(registry_.count(""), 1u);
}

TEST_F(Tokens, WhereARedirectLeadsHasNoSayInTokens) {
  support::FakeRegistry elsewhere;
  with_credentials();
  elsewhere.set_auth({{"type", "basic"}, {"username", "user"}, {"password", "pass:word"}});
  registry_.add_fault({{"redirect", elsewhere.url() + "/v2/library/x/manifests/latest"}});
  EXPECT_EQ(code_of_head(), Error::Code::kUnauthorized);
  EXPECT_EQ(elsewhere.count(""), 1u);
  EXPECT_FALSE(elsewhere.requests().at(0)["headers"].contains("authorization"));
}

}  // namespace
}  // namespace entrepot::upstream
