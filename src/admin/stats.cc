#include "stats.h"

#include "entrepot/base/sizes.h"

#include <nlohmann/json.hpp>

namespace entrepot::admin {
namespace {

using Json = nlohmann::ordered_json;

double ratio(uint64_t part, uint64_t whole) { return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole); }

Json fills_json(const pull::BlobService& blobs) {
  Json fills = Json::array();
  for (const auto& fill : blobs.fills()) {
    Json entry = {{"digest", fill.digest.to_string()}, {"upstream", fill.upstream}, {"repository", fill.repository}, {"bytes", fill.bytes}};
    entry["size"] = fill.size ? Json(*fill.size) : Json(nullptr);
    entry["progress"] = fill.size ? Json(ratio(fill.bytes, *fill.size)) : Json(nullptr);
    entry["clients_waiting"] = fill.waiting;
    entry["seconds"] = fill.seconds;
    fills.push_back(std::move(entry));
  }
  return fills;
}

Json errors_json(const pull::Statistics& statistics) {
  Json errors = Json::object();
  for (size_t code = 0; code < statistics.errors.size(); ++code) {
    const uint64_t count = statistics.errors[code].value();
    if (count > 0) errors[std::string(to_string(static_cast<Error::Code>(code)))] = count;
  }
  return errors;
}

Json upstream_json(const pull::Registry& registry) {
  if (registry.upstream == nullptr) return nullptr;
  Json by_status = Json::object();
  for (const auto& [status, count] : registry.upstream->requests_by_status()) {
    by_status[status == 0 ? "no_answer" : std::to_string(status)] = count;
  }
  return {{"name", registry.name}, {"url", registry.upstream->remote_url()}, {"requests_by_status", by_status}};
}

}  // namespace

std::string render_stats(const Services& services, const Held& held, std::chrono::steady_clock::duration uptime) {
  const auto& s = services.statistics;
  const uint64_t hit = s.hit_bytes.value();
  const uint64_t miss = s.miss_bytes.value();
  const uint64_t coalesced = s.coalesced_bytes.value();
  const uint64_t passed = s.passed_through_bytes.value();
  const uint64_t served = hit + miss + coalesced + passed;
  const uint64_t fetched = services.client.body_bytes();
  const auto saved = static_cast<int64_t>(served - fetched);
  const uint64_t answered = s.hits.value() + s.misses.value() + s.coalesced.value() + s.passed_through.value();

  Json stats;
  stats["uptime_seconds"] = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
  stats["requests"] = s.requests.value();
  stats["hits"] = s.hits.value();
  stats["misses"] = s.misses.value();
  stats["coalesced"] = s.coalesced.value();
  stats["passed_through"] = s.passed_through.value();
  stats["revalidations"] = s.revalidations.value();
  stats["stale"] = s.stale.value();
  stats["bytes"] = {{"served", served}, {"hit", hit},         {"miss", miss}, {"coalesced", coalesced}, {"passed_through", passed},
                    {"fetched", fetched}, {"saved", saved}};
  stats["hit_ratio"] = {{"requests", ratio(s.hits.value(), answered)}, {"bytes", ratio(hit, served)}};
  stats["blobs"] = {{"count", held.blobs}, {"bytes", held.bytes}};
  stats["fills_started"] = s.fills.value();
  stats["fills_resumed"] = s.fills_resumed.value();
  stats["fills"] = fills_json(services.blobs);
  stats["errors"] = errors_json(s);
  stats["upstream"] = upstream_json(services.registry);
  return stats.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace entrepot::admin
