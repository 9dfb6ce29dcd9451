// /v2/, /v2/_catalog, tags/list and, for now, the absence of referrers.
#include "entrepot/oci/media_type.h"
#include "handlers.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <utility>

namespace entrepot::api {
namespace {

constexpr size_t kMostPerPage = 10'000;
constexpr size_t kCatalogPage = 1'000;  // distribution's catalog.maxentries

// `n` as the client sent it; nothing if it did not. kInvalid if it is not a number.
Result<std::optional<size_t>> page_size(const oci::Query& query) {
  if (!query.n) return std::optional<size_t>();
  size_t n = 0;
  const auto parsed = std::from_chars(query.n->data(), query.n->data() + query.n->size(), n);
  if (query.n->empty() || parsed.ec != std::errc() || parsed.ptr != query.n->data() + query.n->size()) {
    return Error{Error::Code::kInvalid, "n must be a number, 0 or more"};
  }
  return std::optional(std::min(n, kMostPerPage));
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '/';
    if (plain) {
      out += c;
    } else {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

// RFC 8288; `ns` goes along so that the next page is asked of the same registry.
std::string next_link(const std::string& path, size_t n, std::string_view last, const oci::Query& query) {
  std::string link = "<" + path + "?n=" + std::to_string(n) + "&last=" + percent_encoded(last);
  if (query.ns) link += "&ns=" + percent_encoded(*query.ns);
  return link + ">; rel=\"next\"";
}

Task<> send_page_size_error(Exchange& exchange) {
  const HttpError refusal{400, "PAGINATION_NUMBER_INVALID"};
  co_await send_error(exchange, refusal, "n must be a number, 0 or more");
}

std::string dump(const nlohmann::json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"; }

}  // namespace

Task<> serve_base(Exchange& exchange) {
  auto head = make_head(200, oci::media_type::kJson);
  std::string body = "{}";
  co_await exchange.response.send(std::move(head), std::move(body));
}

Task<> serve_referrers(Exchange& exchange, oci::ReferrersRoute) {
  const HttpError absent{404, "UNSUPPORTED"};
  co_await send_error(exchange, absent, "this mirror has no referrers API: use the referrers tag");
}

Task<> serve_catalog(Exchange& exchange) {
  const auto n = page_size(exchange.query);
  if (!n) {
    co_await send_page_size_error(exchange);
    co_return;
  }
  const size_t most = n->value_or(kCatalogPage);
  const std::string last = exchange.query.last.value_or("");
  auto read = [&catalog = exchange.services.catalog, registry = exchange.registry.name, last, most] {
    return catalog.repositories(registry, last, most + 1);
  };
  auto names = co_await exchange.services.disk.run(std::move(read));
  if (!names) {
    co_await send_error(exchange, names.error(), Subject::kRepository);
    co_return;
  }
  auto head = make_head(200, oci::media_type::kJson);
  if (names->size() > most) {
    names->resize(most);
    if (most > 0) head.headers.emplace_back("Link", next_link("/v2/_catalog", most, names->back(), exchange.query));
  }
  auto body = dump({{"repositories", *names}});
  co_await exchange.response.send(std::move(head), std::move(body));
}

Task<> serve_tags(Exchange& exchange, oci::TagsRoute route) {
  const auto n = page_size(exchange.query);
  if (!n) {
    co_await send_page_size_error(exchange);
    co_return;
  }
  const std::string last = exchange.query.last.value_or("");
  auto listed = co_await exchange.services.tags.list(exchange.registry, route.repository, last, *n);
  if (!listed) {
    co_await send_error(exchange, listed.error(), Subject::kRepository);
    co_return;
  }
  exchange.origin = listed->origin;
  exchange.stale = listed->stale.has_value();
  auto head = make_head(200, oci::media_type::kJson);
  head.headers.emplace_back("Cache-Status", cache_status(listed->origin));
  if (listed->stale) head.headers.emplace_back("Warning", stale_warning(*listed->stale));
  if (listed->more && !listed->tags.empty()) {
    const std::string path = "/v2/" + route.repository.str() + "/tags/list";
    head.headers.emplace_back("Link", next_link(path, n->value_or(listed->tags.size()), listed->tags.back(), exchange.query));
  }
  auto body = dump({{"name", route.repository.str()}, {"tags", listed->tags}});
  co_await exchange.response.send(std::move(head), std::move(body));
}

}  // namespace entrepot::api
