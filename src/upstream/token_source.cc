// Invariant: credentials leave only for the upstream itself, or for a realm that check_realm has
// passed.
#include "token_source.h"

#include "failure.h"
#include "realm.h"
#include "url.h"

#include <algorithm>
#include <utility>

namespace entrepot::upstream {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr size_t kMaxTokenReply = 256 * 1024;
// A token for each repository asked for; beyond this many the ended ones go, and then the oldest.
constexpr size_t kMaxTokens = 4096;

}  // namespace

Task<Result<std::string>> TokenSource::authorization(oci::RepositoryName repository) {
  const std::optional<oci::Challenge> challenge = state_.lock()->challenge;
  if (!challenge) co_return std::string();
  if (challenge->scheme == oci::Challenge::Scheme::kBasic) co_return basic();
  Result<std::string> header = co_await bearer(repository, std::string(), *challenge);
  // The registry may have moved its token service: ask it again the next time.
  if (!header) forget(*challenge);
  co_return header;
}

Task<Result<std::string>> TokenSource::renew(oci::RepositoryName repository, std::string rejected,
                                             std::vector<oci::Challenge> challenges) {
  const std::optional<oci::Challenge> challenge = choose(challenges);
  if (!challenge) co_return std::string();
  state_.lock()->challenge = challenge;
  if (challenge->scheme == oci::Challenge::Scheme::kBasic) {
    std::string header = basic();
    if (header == rejected) header.clear();
    co_return header;
  }
  Result<std::string> header = co_await bearer(repository, rejected, *challenge);
  if (!header) forget(*challenge);
  co_return header;
}

std::optional<oci::Challenge> TokenSource::choose(const std::vector<oci::Challenge>& challenges) const {
  const auto is_bearer = [](const oci::Challenge& challenge) {
    return challenge.scheme == oci::Challenge::Scheme::kBearer && !challenge.realm.empty();
  };
  const auto is_basic = [](const oci::Challenge& challenge) {
    return challenge.scheme == oci::Challenge::Scheme::kBasic;
  };
  auto chosen = std::find_if(challenges.begin(), challenges.end(), is_bearer);
  if (chosen == challenges.end() && has_credentials())
    chosen = std::find_if(challenges.begin(), challenges.end(), is_basic);
  if (chosen == challenges.end()) return std::nullopt;
  return *chosen;
}

Task<Result<std::string>> TokenSource::bearer(oci::RepositoryName repository, std::string rejected,
                                              oci::Challenge challenge) {
  if (std::optional<std::string> held = held_token(repository, rejected)) co_return *std::move(held);
  std::string key = repository.str() + '\n' + challenge.realm + '\n' + challenge.service;
  auto work = [this, repository, rejected, challenge] { return request_token(repository, rejected, challenge); };
  auto outcome = co_await flights_.run(std::move(key), std::move(work));
  co_return std::move(outcome.value);
}

// Nothing if none is held, if it has ended, or if it is the one in `rejected`.
std::optional<std::string> TokenSource::held_token(const oci::RepositoryName& repository, const std::string& rejected) {
  auto state = state_.lock();
  const auto held = state->tokens.find(repository.str());
  if (held == state->tokens.end()) return std::nullopt;
  std::string header = std::string(kBearer) + held->second.value;
  if (header != rejected && clock_.now() < held->second.end) return header;
  state->tokens.erase(held);
  return std::nullopt;
}

// Runs once for all who wait. Somebody may have been here between the caller's look and this one.
Task<Result<std::string>> TokenSource::request_token(oci::RepositoryName repository, std::string rejected,
                                                     oci::Challenge challenge) {
  if (std::optional<std::string> held = held_token(repository, rejected)) co_return *std::move(held);
  CO_TRY(check_realm(options_.remote_url, challenge.realm, has_credentials()));
  const std::string subject = "the token service " + challenge.realm;
  fetch::Request request = token_request(repository, challenge);
  const WallTime asked_at = clock_.now();
  Result<fetch::Response> response = co_await client_.fetch(std::move(request), kMaxTokenReply);
  counts_.add(response ? response->head.status : 0);
  if (!response) co_return with_subject(subject, std::move(response).error());
  if (response->head.status != 200) co_return status_error(subject, response->head.status, response->body);

  Result<Token> token = parse_token(response->body, asked_at);
  if (!token) co_return with_subject(subject, std::move(token).error());
  std::string header = std::string(kBearer) + token->value;
  keep(repository, *std::move(token));
  co_return header;
}

fetch::Request TokenSource::token_request(const oci::RepositoryName& repository,
                                          const oci::Challenge& challenge) const {
  fetch::Request request;
  request.timeouts = options_.timeouts;
  request.url = challenge.realm;
  char separator = challenge.realm.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    request.url += separator;
    request.url += name;
    request.url += '=';
    request.url += percent_encode(value);
    separator = '&';
  };
  add("service", challenge.service);
  add("scope", "repository:" + repository.str() + ":pull");
  add("account", options_.username);
  if (has_credentials()) request.headers.emplace_back("Authorization", basic());
  return request;
}

std::string TokenSource::basic() const { return "Basic " + base64_encode(options_.username + ":" + options_.password); }

void TokenSource::keep(const oci::RepositoryName& repository, Token token) {
  auto state = state_.lock();
  Tokens& tokens = state->tokens;
  if (tokens.size() >= kMaxTokens) {
    const WallTime now = clock_.now();
    std::erase_if(tokens, [&](const auto& entry) { return entry.second.end <= now; });
  }
  if (tokens.size() >= kMaxTokens) {
    const auto sooner = [](const auto& a, const auto& b) { return a.second.end < b.second.end; };
    tokens.erase(std::min_element(tokens.begin(), tokens.end(), sooner));
  }
  tokens.insert_or_assign(repository.str(), std::move(token));
}

void TokenSource::forget(const oci::Challenge& challenge) {
  auto state = state_.lock();
  if (state->challenge && state->challenge->realm == challenge.realm) state->challenge.reset();
}

}  // namespace entrepot::upstream
