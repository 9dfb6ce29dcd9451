// Every request goes through ask() or get_blob(), which own what all requests have in common:
// authorization, one more try after a 401, and (ask() only) attempts within a bounded time.
#include "entrepot/upstream/upstream.h"

#include "blob_transfer.h"
#include "entrepot/base/backoff.h"
#include "entrepot/oci/challenge.h"
#include "entrepot/oci/manifest.h"
#include "entrepot/oci/media_type.h"
#include "failure.h"
#include "status_counts.h"
#include "tags_reply.h"
#include "token_source.h"
#include "url.h"

#include <algorithm>
#include <random>
#include <utility>

namespace entrepot::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kMaxErrorBody = 64 * 1024;
constexpr size_t kMaxTagsReply = 8 * 1024 * 1024;
constexpr milliseconds kFirstDelay{100};
constexpr milliseconds kMostDelay{2'000};

milliseconds delay_after(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const double jitter = std::uniform_real_distribution<double>(0, 1)(random);
  return backoff_delay(attempt, kFirstDelay, kMostDelay, jitter);
}

std::vector<oci::Challenge> challenges_of(const fetch::ResponseHead& head) {
  std::vector<oci::Challenge> all;
  for (const auto& [name, value] : head.headers) {
    if (name != "www-authenticate") continue;
    std::vector<oci::Challenge> some = oci::parse_challenges(value);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

fetch::Request with_authorization(fetch::Request request, const std::string& authorization) {
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  return request;
}

ManifestHead manifest_head(const fetch::ResponseHead& head) {
  ManifestHead result;
  Result<oci::Digest> digest = oci::Digest::parse(head.header("docker-content-digest"));
  if (digest) result.digest = *digest;
  result.size = head.content_length();
  result.media_type = oci::media_type::normalized(std::string(head.header("content-type")));
  return result;
}

Result<ManifestBody> manifest_body(fetch::Response response) {
  ManifestBody body{manifest_head(response.head), std::move(response.body)};
  body.head.size = body.bytes.size();
  return body;
}

}  // namespace

struct Upstream::Impl {
  Impl(const Options& configured, fetch::Client& fetch_client, const Clock& clock)
      : options(configured),
        client(fetch_client),
        origin(parse_origin(configured.remote_url)),
        tokens(configured, fetch_client, clock, counts) {}

  fetch::Request request(std::string method, const oci::RepositoryName& repository, std::string_view path) const;
  fetch::Request manifest_request(std::string method, const oci::RepositoryName& repository,
                                  const oci::Reference& reference) const;
  // "NAME/REPOSITORY: WHAT", as messages begin.
  std::string subject(const oci::RepositoryName& repository, std::string_view what) const;

  // The answer of whatever status to a small request.
  Task<Result<fetch::Response>> ask(fetch::Request request, oci::RepositoryName repository, size_t max_body,
                                    std::string subject);
  Task<Result<fetch::Response>> attempt(fetch::Request request, oci::RepositoryName repository, size_t max_body);
  Task<Result<fetch::Response>> send(fetch::Request request, size_t max_body);
  Task<Result<void>> transfer(fetch::Request request, oci::RepositoryName repository, std::string subject,
                              std::shared_ptr<BlobDelivery> delivery);
  // What to answer a refusal with; empty if there is nothing. Who a redirect leads to has no say
  // in where tokens come from.
  Task<Result<std::string>> renewed(oci::RepositoryName repository, std::string authorization,
                                    fetch::ResponseHead refusal);

  const Options& options;
  fetch::Client& client;
  const std::optional<Origin> origin;
  StatusCounts counts;
  TokenSource tokens;
};

fetch::Request Upstream::Impl::request(std::string method, const oci::RepositoryName& repository,
                                       std::string_view path) const {
  fetch::Request request;
  request.method = std::move(method);
  request.url = options.remote_url + "/v2/" + repository.str() + std::string(path);
  request.timeouts = options.timeouts;
  return request;
}

fetch::Request Upstream::Impl::manifest_request(std::string method, const oci::RepositoryName& repository,
                                                const oci::Reference& reference) const {
  fetch::Request result = request(std::move(method), repository, "/manifests/" + oci::to_string(reference));
  result.headers.emplace_back("Accept", oci::media_type::kAcceptManifests);
  return result;
}

std::string Upstream::Impl::subject(const oci::RepositoryName& repository, std::string_view what) const {
  return options.name + "/" + repository.str() + ": " + std::string(what);
}

Task<Result<fetch::Response>> Upstream::Impl::send(fetch::Request request, size_t max_body) {
  Result<fetch::Response> response = co_await client.fetch(std::move(request), max_body);
  int status = 0;
  if (response) status = response->head.status;
  counts.add(status);
  co_return response;
}

Task<Result<std::string>> Upstream::Impl::renewed(oci::RepositoryName repository, std::string authorization,
                                                  fetch::ResponseHead refusal) {
  if (refusal.status != 401 || parse_origin(refusal.url) != origin) co_return std::string();
  std::vector<oci::Challenge> challenges = challenges_of(refusal);
  Result<std::string> header = co_await tokens.renew(repository, authorization, std::move(challenges));
  co_return header;
}

Task<Result<fetch::Response>> Upstream::Impl::attempt(fetch::Request request, oci::RepositoryName repository,
                                                      size_t max_body) {
  CO_TRY_ASSIGN(const std::string authorization, co_await tokens.authorization(repository));
  fetch::Request first = with_authorization(request, authorization);
  Result<fetch::Response> response = co_await send(std::move(first), max_body);
  if (!response) co_return response;
  CO_TRY_ASSIGN(const std::string better, co_await renewed(repository, authorization, response->head));
  if (better.empty()) co_return response;
  fetch::Request second = with_authorization(request, better);
  response = co_await send(std::move(second), max_body);
  co_return response;
}

// All attempts together take twice the time that one head may take, and not more: a last attempt
// begins within the first half or is cut to what is left.
Task<Result<fetch::Response>> Upstream::Impl::ask(fetch::Request request, oci::RepositoryName repository,
                                                  size_t max_body, std::string subject) {
  const milliseconds head_limit = request.timeouts.head;
  const auto deadline = steady_clock::now() + 2 * head_limit;
  Result<fetch::Response> response = co_await attempt(request, repository, max_body);
  for (int failed = 1; failed < options.attempts && may_pass(response); ++failed) {
    const milliseconds delay = delay_after(failed);
    const auto left = std::chrono::floor<milliseconds>(deadline - steady_clock::now()) - delay;
    if (left <= milliseconds(0)) break;
    co_await sleep_for(static_cast<int>(delay.count()));
    request.timeouts.head = std::min(head_limit, left);
    response = co_await attempt(request, repository, max_body);
  }
  if (!response) co_return with_subject(subject, std::move(response).error());
  co_return response;
}

Task<Result<void>> Upstream::Impl::transfer(fetch::Request request, oci::RepositoryName repository, std::string subject,
                                            std::shared_ptr<BlobDelivery> delivery) {
  const uint64_t from = request.range_from.value_or(0);
  Result<std::string> authorization = co_await tokens.authorization(repository);
  if (!authorization) co_return with_subject(subject, std::move(authorization).error());
  for (bool again = false;; again = true) {
    auto blob = std::make_shared<BlobTransfer>(delivery, from, subject);
    fetch::Request authorized = with_authorization(request, *authorization);
    client.stream(std::move(authorized), blob);
    BlobTransfer::Outcome outcome = co_await blob->outcome().wait();
    counts.add(outcome.status);
    if (outcome.delivered || !outcome.result) co_return outcome.result;
    Error refusal = status_error(subject, outcome.status, outcome.refusal.body);
    if (again) co_return refusal;
    Result<std::string> better = co_await renewed(repository, *authorization, outcome.refusal.head);
    if (!better) co_return with_subject(subject, std::move(better).error());
    if (better->empty()) co_return refusal;
    authorization = std::move(better);
  }
}

Upstream::Upstream(Options options, fetch::Client& client, const Clock& clock)
    : options_(std::move(options)), impl_(std::make_unique<Impl>(options_, client, clock)) {}

Upstream::~Upstream() = default;

Task<Result<ManifestHead>> Upstream::head_manifest(oci::RepositoryName repository, oci::Reference reference) {
  const std::string subject = impl_->subject(repository, "manifest " + oci::to_string(reference));
  fetch::Request request = impl_->manifest_request("HEAD", repository, reference);
  CO_TRY_ASSIGN(fetch::Response response, co_await impl_->ask(std::move(request), repository, kMaxErrorBody, subject));
  if (response.head.status == 405) {
    CO_TRY_ASSIGN(ManifestBody body, co_await get_manifest(repository, reference));
    co_return std::move(body.head);
  }
  if (response.head.status != 200) co_return status_error(subject, response.head.status, response.body);
  co_return manifest_head(response.head);
}

Task<Result<ManifestBody>> Upstream::get_manifest(oci::RepositoryName repository, oci::Reference reference) {
  const std::string subject = impl_->subject(repository, "manifest " + oci::to_string(reference));
  fetch::Request request = impl_->manifest_request("GET", repository, reference);
  CO_TRY_ASSIGN(fetch::Response response,
                co_await impl_->ask(std::move(request), repository, oci::kMaxManifestSize, subject));
  if (response.head.status != 200) co_return status_error(subject, response.head.status, response.body);
  co_return manifest_body(std::move(response));
}

Task<Result<std::optional<uint64_t>>> Upstream::head_blob(oci::RepositoryName repository, oci::Digest digest) {
  const std::string subject = impl_->subject(repository, "blob " + digest.to_string());
  fetch::Request request = impl_->request("HEAD", repository, "/blobs/" + digest.to_string());
  CO_TRY_ASSIGN(fetch::Response response, co_await impl_->ask(std::move(request), repository, kMaxErrorBody, subject));
  if (response.head.status != 200) co_return status_error(subject, response.head.status, response.body);
  co_return response.head.content_length();
}

Task<Result<TagsPage>> Upstream::list_tags(oci::RepositoryName repository, std::string last, size_t n) {
  const std::string subject = impl_->subject(repository, "tags");
  std::string query;
  if (n > 0) query += "?n=" + std::to_string(n);
  if (!last.empty()) query += (query.empty() ? "?last=" : "&last=") + percent_encode(last);
  fetch::Request request = impl_->request("GET", repository, "/tags/list" + query);
  CO_TRY_ASSIGN(fetch::Response response, co_await impl_->ask(std::move(request), repository, kMaxTagsReply, subject));
  if (response.head.status != 200) co_return status_error(subject, response.head.status, response.body);
  Result<std::vector<std::string>> tags = parse_tags(response.body);
  if (!tags) co_return with_subject(subject, std::move(tags).error());
  TagsPage page;
  page.tags = *std::move(tags);
  page.more = has_next_page(response.head);
  co_return page;
}

Task<Result<void>> Upstream::get_blob(oci::RepositoryName repository, oci::Digest digest, uint64_t from,
                                      std::shared_ptr<fetch::ResponseSink> sink) {
  auto delivery = std::make_shared<BlobDelivery>(std::move(sink));
  fetch::Request request = impl_->request("GET", repository, "/blobs/" + digest.to_string());
  if (from > 0) request.range_from = from;
  std::string subject = impl_->subject(repository, "blob " + digest.to_string());
  Result<void> result = co_await impl_->transfer(std::move(request), repository, std::move(subject), delivery);
  // Does nothing if the sink was given the transfer.
  delivery->finish(result);
  co_return result;
}

std::map<int, uint64_t> Upstream::requests_by_status() const { return impl_->counts.snapshot(); }

}  // namespace entrepot::upstream
