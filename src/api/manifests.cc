#include "entrepot/oci/byte_range.h"
#include "entrepot/oci/media_type.h"
#include "handlers.h"

#include <algorithm>
#include <string>
#include <utility>

namespace entrepot::api {
namespace {

// Whether an Accept header names `type`, by itself or by a wildcard. No header accepts everything.
bool accepts(std::string_view header, std::string_view type) {
  if (header.empty()) return true;
  const std::string group = std::string(type.substr(0, type.find('/'))) + "/*";
  for (size_t start = 0; start <= header.size();) {
    const size_t end = std::min(header.find(',', start), header.size());
    const std::string range = oci::media_type::normalized(header.substr(start, end - start));
    if (range == type || range == "*/*" || range == group) return true;
    start = end + 1;
  }
  return false;
}

// What distribution refuses to hand to a client that does not know it; other types go out whatever is accepted.
bool must_be_accepted(std::string_view type) {
  return type == oci::media_type::kOciIndex || type == oci::media_type::kOciManifest;
}

std::string manifest_cache_status(const pull::ManifestAnswer& answer) {
  if (answer.stale) return "entrepot; hit; ttl=0; detail=stale-" + std::string(to_string(answer.stale->code));
  if (answer.origin != pull::Origin::kHit) return cache_status(answer.origin);
  if (answer.revalidated) return "entrepot; fwd=stale; fwd-status=200; detail=confirmed";
  std::string status = "entrepot; hit";
  if (answer.fresh_for) status += "; ttl=" + std::to_string(answer.fresh_for->count() / 1000);
  return status;
}

serve::Head manifest_head(int status, const Exchange& exchange, const pull::ManifestAnswer& answer) {
  auto head = make_head(status, answer.media_type.empty() ? oci::media_type::kOctetStream : answer.media_type);
  const std::string digest = answer.digest.to_string();
  head.headers.emplace_back("Docker-Content-Digest", digest);
  head.headers.emplace_back("ETag", "\"" + digest + "\"");
  head.headers.emplace_back("Cache-Status", manifest_cache_status(answer));
  const auto age = exchange.services.clock.now() - answer.confirmed;
  if (answer.origin == pull::Origin::kHit) {
    head.headers.emplace_back("Age", std::to_string(std::max<int64_t>(0, age.count() / 1000)));
  }
  if (answer.stale) head.headers.emplace_back("Warning", stale_warning(*answer.stale));
  return head;
}

}  // namespace

Task<> serve_manifest(Exchange& exchange, oci::ManifestRoute route) {
  auto& manifests = exchange.services.manifests;
  auto task = exchange.is_head() ? manifests.head(exchange.registry, route.repository, route.reference)
                                 : manifests.get(exchange.registry, route.repository, route.reference);
  auto answered = co_await std::move(task);
  if (!answered) {
    co_await send_error(exchange, answered.error(), Subject::kManifest);
    co_return;
  }
  pull::ManifestAnswer answer = std::move(*answered);
  const auto accept = exchange.request.header("accept");
  if (std::holds_alternative<oci::Tag>(route.reference) && must_be_accepted(answer.media_type) && !accepts(accept, answer.media_type)) {
    const HttpError refusal{404, "MANIFEST_UNKNOWN"};
    co_await send_error(exchange, refusal, "the manifest is a " + answer.media_type + ", which the request's Accept does not allow");
    co_return;
  }
  exchange.origin = answer.origin;
  exchange.stale = answer.stale.has_value();
  const auto if_none_match = exchange.request.header("if-none-match");
  if (!if_none_match.empty() && oci::etag_matches(if_none_match, answer.digest)) {
    auto head = manifest_head(304, exchange, answer);
    co_await exchange.response.send_head_only(std::move(head), std::nullopt);
    co_return;
  }
  auto head = manifest_head(200, exchange, answer);
  if (exchange.is_head()) {
    co_await exchange.response.send_head_only(std::move(head), answer.size);
  } else {
    co_await exchange.response.send(std::move(head), std::move(answer.bytes));
  }
}

}  // namespace entrepot::api
