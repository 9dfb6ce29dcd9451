// Dispatch: target -> route -> handler, then statistics and the access log.
#include "entrepot/api/api.h"

#include "entrepot/base/log.h"
#include "handlers.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace entrepot::api {
namespace {

struct Dispatch {
  Exchange& exchange;
  Task<> operator()(oci::BaseRoute) const { return serve_base(exchange); }
  Task<> operator()(oci::CatalogRoute) const { return serve_catalog(exchange); }
  Task<> operator()(oci::TagsRoute route) const { return serve_tags(exchange, std::move(route)); }
  Task<> operator()(oci::ManifestRoute route) const { return serve_manifest(exchange, std::move(route)); }
  Task<> operator()(oci::BlobRoute route) const { return serve_blob(exchange, route); }
  Task<> operator()(oci::ReferrersRoute route) const { return serve_referrers(exchange, route); }
};

bool is_read(const serve::Request& request) { return request.method == "GET" || request.method == "HEAD"; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Task<> answer(Exchange& exchange, const Options& options) {
  auto route = oci::parse_route(exchange.request.target);
  const bool in_api = exchange.request.target.starts_with("/v2/");
  if (!is_read(exchange.request) && (route || in_api)) {
    const HttpError refusal{405, "UNSUPPORTED"};
    co_await send_error(exchange, refusal, "this mirror only serves pulls: GET and HEAD");
    co_return;
  }
  if (!route) {
    const auto refusal = http_error(route.error());
    co_await send_error(exchange, refusal, std::string(describe(route.error())));
    co_return;
  }
  exchange.query = std::move(route->query);
  const auto& ns = exchange.query.ns;
  if (ns && std::find(options.namespaces.begin(), options.namespaces.end(), lower(*ns)) == options.namespaces.end()) {
    const HttpError refusal{404, "NAME_UNKNOWN"};
    co_await send_error(exchange, refusal, "this mirror does not speak for the registry that ns names");
    co_return;
  }
  auto task = std::visit(Dispatch{exchange}, std::move(route->target));
  co_await std::move(task);
}

std::string_view cache_word(const Exchange& exchange) {
  if (!exchange.origin) return "-";
  if (exchange.stale) return "stale";
  switch (*exchange.origin) {
    case pull::Origin::kHit: return "hit";
    case pull::Origin::kMiss: return "miss";
    case pull::Origin::kCoalesced: return "coalesced";
    case pull::Origin::kPassedThrough: return "passed_through";
  }
  return "-";
}

void count(pull::Statistics& statistics, const Exchange& exchange) {
  statistics.requests.add();
  if (exchange.error) statistics.count_error(*exchange.error);
  if (exchange.stale) statistics.stale.add();
  if (!exchange.origin) return;
  const uint64_t bytes = exchange.response.body_bytes();
  switch (*exchange.origin) {
    case pull::Origin::kHit:
      statistics.hits.add();
      statistics.hit_bytes.add(bytes);
      break;
    case pull::Origin::kMiss:
      statistics.misses.add();
      statistics.miss_bytes.add(bytes);
      break;
    case pull::Origin::kCoalesced:
      statistics.coalesced.add();
      statistics.coalesced_bytes.add(bytes);
      break;
    case pull::Origin::kPassedThrough:
      statistics.passed_through.add();
      statistics.passed_through_bytes.add(bytes);
      break;
  }
}

}  // namespace

Task<> Api::handle(const serve::Request& request, serve::Response& response) {
  const auto started = std::chrono::steady_clock::now();
  Exchange exchange{request, response, services_, options_.registry, {}, {}, {}, false};
  co_await answer(exchange, options_);
  count(services_.statistics, exchange);
  if (!options_.access_log) co_return;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  log_access({{"remote", request.remote},
              {"method", request.method},
              {"target", request.target},
              {"status", response.status()},
              {"bytes", response.body_bytes()},
              {"seconds", took.count()},
              {"cache", cache_word(exchange)},
              {"agent", request.header("user-agent")}});
}

void Api::refused(std::string_view remote, int status, std::string_view reason) noexcept {
  services_.statistics.requests.add();
  services_.statistics.count_error(Error::Code::kInvalid);
  if (options_.access_log) log_access({{"remote", remote}, {"status", status}, {"cache", "-"}, {"refused", reason}});
}

}  // namespace entrepot::api
