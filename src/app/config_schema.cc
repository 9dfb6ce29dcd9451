// One row a key (or a group of sisters of one kind), in the order in which distribution's manual has them. A key of
// distribution that gains a meaning here loses its reason and gets a setter.
#include "config_schema.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace entrepot::app {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): literals only
using Key = KnownKey;
using enum KnownKey::Kind;

constexpr Key section(std::string_view path) { return {path, kMap}; }
constexpr Key set(std::string_view path, Key::Setter setter) { return {path, kScalar, Key::Use::kSet, {}, setter}; }
constexpr Key set_list(std::string_view path, Key::Setter setter) {
  return {path, kScalars, Key::Use::kSet, {}, setter};
}
constexpr Key unused(std::string_view path, Key::Kind kind, std::string_view reason) {
  return {path, kind, Key::Use::kUnused, reason};
}
constexpr Key part(std::string_view path, Key::Kind kind) { return {path, kind}; }

constexpr std::string_view kNoPush = "has no effect: this version accepts no pushes";
constexpr std::string_view kNoRewriting =
    "has no effect: this version serves at the root of its address and writes no absolute URLs";
constexpr std::string_view kNoReporting = "has no effect: nothing is reported to other services";

constexpr auto kDay = std::chrono::milliseconds(24h);

void set_level(const Value& v, Draft& d) {
  using enum LogOptions::Level;
  v.read_choice<LogOptions::Level>(d.config.log.level,
                                   {{"error", kError}, {"warn", kWarn}, {"info", kInfo}, {"debug", kDebug}});
}
void set_format(const Value& v, Draft& d) {
  using enum LogOptions::Format;
  v.read_choice<LogOptions::Format>(d.config.log.format, {{"text", kText}, {"json", kJson}, {"logstash", kLogstash}});
}
void set_log_field(const Value& v, Draft& d) {
  std::string text;
  v.read_text(text);
  d.config.log.fields.emplace_back(v.name(), std::move(text));
}
void set_access_log(const Value& v, Draft& d) {
  bool disabled = !d.config.access_log;
  v.read_boolean(disabled);
  d.config.access_log = !disabled;
}
void set_root_directory(const Value& v, Draft& d) {
  if (v.text().empty()) return v.wrong("must name a folder");
  v.read_text(d.config.root_directory);
}
void set_address(const Value& v, Draft& d) { v.read_address(d.config.http.address); }
void set_debug_address(const Value& v, Draft& d) { v.read_address(d.config.debug.address); }
void set_net(const Value& v, Draft&) {
  if (v.text() != "tcp" && !v.text().empty()) v.warn("has no effect: unix sockets have no meaning here yet, only tcp");
}
void set_debug_names(const Value& v, Draft& d) {
  for (const Value& item : v.items()) item.read_host(d.config.debug_names.emplace_back(), false);
}
void set_remote_url(const Value& v, Draft& d) {
  if (!v.text().empty()) v.read_url(d.upstream.remote_url);
}
void set_username(const Value& v, Draft& d) {
  // Basic authentication ends the name at the first colon.
  if (v.text().find(':') != std::string::npos) return v.wrong("may not hold a ':'");
  v.read_text(d.upstream.username);
}
void set_password(const Value& v, Draft& d) { v.read_text(d.upstream.password); }
void set_namespaces(const Value& v, Draft& d) {
  for (const Value& item : v.items()) item.read_host(d.namespaces.emplace_back(), true);
}

void set_drain_timeout(const Value& v, Draft& d) { v.read_duration(d.config.drain_timeout, 0ms, kDay); }
void set_workers(const Value& v, Draft& d) { v.read_count(d.config.workers, 0, 1024); }
void set_connections(const Value& v, Draft& d) { v.read_count(d.config.http.max_connections, 1, 1'000'000); }
void set_request_line(const Value& v, Draft& d) { v.read_size(d.config.http.max_request_line, 512, 1 << 20); }
void set_head(const Value& v, Draft& d) { v.read_size(d.config.http.max_head, 1024, 16 << 20); }
void set_body(const Value& v, Draft& d) { v.read_size(d.config.http.max_drained_body, 0, 64 << 20); }
template <std::chrono::milliseconds serve::Options::*member>
void set_http_timeout(const Value& v, Draft& d) {
  v.read_duration(d.config.http.*member, 1ms, kDay);
}
template <std::chrono::milliseconds fetch::Timeouts::*member>
void set_upstream_timeout(const Value& v, Draft& d) {
  v.read_duration(d.upstream.timeouts.*member, 1ms, 1h);
}
void set_freshness(const Value& v, Draft& d) { v.read_duration(d.config.freshness, 0ms, 365 * kDay); }
void set_revalidate_timeout(const Value& v, Draft& d) { v.read_duration(d.config.revalidate_timeout, 0ms, 1h); }

// clang-format off
constexpr Key kKeys[] = {
    set("version", [](const Value& v, Draft&) { if (v.text() != "0.1") v.wrong("must be 0.1"); }),

    section("log"),
    set("loglevel", set_level),  // distribution's old name; before log.level, which wins
    set("log.level", set_level),
    set("log.formatter", set_format),
    section("log.fields"),
    set("log.fields.*", set_log_field),
    section("log.accesslog"),
    set("log.accesslog.disabled", set_access_log),
    unused("log.hooks", kList, "has no effect: this log sends no mail"),
    part("log.hooks[]", kMap),
    part("log.hooks[].disabled|type", kScalar),
    part("log.hooks[].levels", kScalars),
    part("log.hooks[].options", kAny),
    unused("log.reportcaller", kScalar, "has no effect: lines of this log name no source files"),

    {"storage", kNamed},
    section("storage.filesystem"),
    set("storage.filesystem.rootdirectory", set_root_directory),
    unused("storage.filesystem.maxthreads", kScalar, "has no effect: the number of disk threads is fixed"),
    {"storage.s3|s3aws|gcs|azure|swift|oss|inmemory", kAny, Key::Use::kRefused,
     "this storage is not supported; only filesystem is (the cache stands in storage.filesystem.rootdirectory)"},
    unused("storage.cache", kMap, "has no effect: what is known of blobs is always kept in the catalog and its cache"),
    part("storage.cache.blobdescriptor|blobdescriptorsize|layerinfo", kScalar),
    unused("storage.delete", kMap, "has no effect: this version deletes nothing on request of a client"),
    part("storage.delete.enabled", kScalar),
    unused("storage.redirect", kMap, "has no effect: blobs are always served from here, never by redirect"),
    part("storage.redirect.disable", kScalar),
    unused("storage.tag", kMap, kNoPush),
    part("storage.tag.concurrencylimit", kScalar),
    unused("storage.maintenance", kMap, kNoPush),
    part("storage.maintenance.uploadpurging|readonly", kMap),
    part("storage.maintenance.uploadpurging.enabled|age|interval|dryrun", kScalar),
    part("storage.maintenance.readonly.enabled", kScalar),

    unused("auth", kNamed,
           "NO EFFECT: logins are not checked by this version: everybody who reaches the address may pull"),
    part("auth.silly|htpasswd|token|none", kMap),
    part("auth.silly.realm|service", kScalar),
    part("auth.htpasswd.realm|path", kScalar),
    part("auth.token.realm|service|issuer|rootcertbundle|jwks|autoredirect|autoredirectpath", kScalar),
    part("auth.token.signingalgorithms", kScalars),

    unused("middleware", kMap, "has no effect: distribution's plug-ins do not run here"),
    part("middleware.registry|repository|storage", kList),
    part("middleware.registry[]|repository[]|storage[]", kMap),
    part("middleware.registry[].name|disabled", kScalar),
    part("middleware.repository[].name|disabled", kScalar),
    part("middleware.storage[].name|disabled", kScalar),
    part("middleware.registry[].options", kAny),
    part("middleware.repository[].options", kAny),
    part("middleware.storage[].options", kAny),

    unused("reporting", kMap, kNoReporting),
    part("reporting.bugsnag|newrelic", kMap),
    part("reporting.bugsnag.apikey|releasestage|endpoint", kScalar),
    part("reporting.newrelic.licensekey|name|verbose", kScalar),

    section("http"),
    set("http.addr", set_address),
    set("http.net", set_net),
    unused("http.host", kScalar, kNoRewriting),
    unused("http.prefix", kScalar, kNoRewriting),
    unused("http.relativeurls", kScalar, kNoRewriting),
    unused("http.secret", kScalar, "has no effect: nothing here is signed with it"),
    set("http.draintimeout", set_drain_timeout),
    set("http.workers", set_workers),
    section("http.limits"),
    set("http.limits.connections", set_connections),
    set("http.limits.requestline", set_request_line),
    set("http.limits.head", set_head),
    set("http.limits.body", set_body),
    set("http.limits.headtimeout", set_http_timeout<&serve::Options::head_timeout>),
    set("http.limits.idletimeout", set_http_timeout<&serve::Options::idle_timeout>),
    set("http.limits.writetimeout", set_http_timeout<&serve::Options::write_timeout>),
    unused("http.tls", kMap,
           "NO EFFECT: this version serves plain HTTP only: nothing is encrypted, no client certificate is asked for"),
    part("http.tls.certificate|key|clientauth|minimumtls", kScalar),
    part("http.tls.clientcas|ciphersuites", kScalars),
    part("http.tls.letsencrypt", kMap),
    part("http.tls.letsencrypt.cachefile|email|directoryurl", kScalar),
    part("http.tls.letsencrypt.hosts", kScalars),
    unused("http.headers", kMap, "has no effect: this version adds no headers to its answers"),
    part("http.headers.*", kScalars),
    section("http.debug"),
    set("http.debug.addr", set_debug_address),
    set_list("http.debug.names", set_debug_names),
    unused("http.debug.prometheus", kMap, "has no effect: this version has no Prometheus metrics"),
    part("http.debug.prometheus.enabled|path", kScalar),
    unused("http.http2", kMap, "has no effect: this version speaks HTTP/1.1 to its clients"),
    part("http.http2.disabled", kScalar),
    unused("http.h2c", kMap, "has no effect: this version speaks HTTP/1.1 to its clients"),
    part("http.h2c.enabled", kScalar),

    unused("notifications", kMap, "has no effect: this version sends no notifications"),
    part("notifications.events", kMap),
    part("notifications.events.includereferences", kScalar),
    part("notifications.endpoints", kList),
    part("notifications.endpoints[]", kMap),
    part("notifications.endpoints[].name|disabled|url|timeout|threshold|backoff", kScalar),
    part("notifications.endpoints[].headers", kMap),
    part("notifications.endpoints[].headers.*", kScalars),
    part("notifications.endpoints[].ignoredmediatypes", kScalars),
    part("notifications.endpoints[].ignore", kMap),
    part("notifications.endpoints[].ignore.mediatypes|actions", kScalars),

    unused("redis", kMap, "has no effect: no redis is needed, what it would keep is in the catalog"),
    part("redis.addr|password|db|dialtimeout|readtimeout|writetimeout", kScalar),
    part("redis.pool", kMap),
    part("redis.pool.maxidle|maxactive|idletimeout", kScalar),
    part("redis.addrs", kScalars),
    part("redis.clientname|protocol|username|sentinelusername|sentinelpassword|mastername|identitysuffix", kScalar),
    part("redis.maxretries|minretrybackoff|maxretrybackoff|contexttimeoutenabled|maxredirects", kScalar),
    part("redis.poolfifo|poolsize|pooltimeout|minidleconns|maxidleconns|maxactiveconns", kScalar),
    part("redis.connmaxidletime|connmaxlifetime|readonly|routebylatency|routerandomly|disableindentity", kScalar),
    part("redis.tls", kMap),
    part("redis.tls.enabled|certificate|key", kScalar),
    part("redis.tls.clientcas|rootcas", kScalars),

    unused("health", kMap,
           "has no effect: this version runs no health checks of its own (GET /healthz on http.debug.addr answers)"),
    part("health.storagedriver", kMap),
    part("health.storagedriver.enabled|interval|threshold", kScalar),
    part("health.file|http|tcp", kList),
    part("health.file[]|http[]|tcp[]", kMap),
    part("health.file[].file|interval|threshold", kScalar),
    part("health.http[].uri|statuscode|timeout|interval|threshold", kScalar),
    part("health.http[].headers", kMap),
    part("health.http[].headers.*", kScalars),
    part("health.tcp[].addr|timeout|interval|threshold", kScalar),

    section("proxy"),
    set("proxy.remoteurl", set_remote_url),
    set("proxy.username", set_username),
    set("proxy.password", set_password),
    set_list("proxy.namespaces", set_namespaces),
    section("proxy.timeouts"),
    set("proxy.timeouts.connect", set_upstream_timeout<&fetch::Timeouts::connect>),
    set("proxy.timeouts.head", set_upstream_timeout<&fetch::Timeouts::head>),
    set("proxy.timeouts.stall", set_upstream_timeout<&fetch::Timeouts::stall>),
    unused("proxy.exec", kMap,
           "has no effect: this version runs no credential helpers; it uses proxy.username, or asks anonymously"),
    part("proxy.exec.command|lifetime", kScalar),
    unused("proxy.ttl", kScalar,
           "has no effect: this version removes nothing by age; cache.freshness says how long a tag is believed"),
    unused("proxy.cachewritetimeout", kScalar, "has no effect: fills are given up by proxy.timeouts.stall only"),
    unused("proxy.remotenamespace", kScalar,
           "NO EFFECT: repositories are asked for by the names that clients use, without a namespace before them"),

    section("cache"),
    set("cache.freshness", set_freshness),
    set("cache.revalidatetimeout", set_revalidate_timeout),

    unused("catalog", kMap, "has no effect: the length of a page of the catalog is fixed"),
    part("catalog.maxentries", kScalar),
    unused("tags", kMap, "has no effect: the length of a page of tags is fixed"),
    part("tags.maxtags", kScalar),
    unused("validation", kMap, kNoPush),
    part("validation.enabled|disabled", kScalar),
    part("validation.manifests", kMap),
    part("validation.manifests.urls|indexes", kMap),
    part("validation.manifests.urls.allow|deny", kScalars),
    part("validation.manifests.indexes.platforms", kScalar),
    part("validation.manifests.indexes.platformlist", kList),
    part("validation.manifests.indexes.platformlist[]", kMap),
    part("validation.manifests.indexes.platformlist[].architecture|os|variant", kScalar),
    unused("policy", kMap, kNoPush),
    part("policy.repository", kMap),
    part("policy.repository.classes", kScalars),
    unused("compatibility", kMap, "has no effect: manifests of every schema are served as upstream has them"),
    part("compatibility.schema1", kMap),
    part("compatibility.schema1.signingkeyfile|enabled", kScalar),
};
// clang-format on

std::vector<SchemaEntry> expand() {
  std::vector<SchemaEntry> entries;
  for (const Key& key : kKeys) {
    const size_t dot = key.path.rfind('.');
    const std::string parent(dot == std::string_view::npos ? "" : key.path.substr(0, dot));
    std::string_view words = key.path.substr(dot + 1);  // npos + 1 is 0
    for (bool more = true; more;) {
      const size_t bar = words.find('|');
      const std::string word(words.substr(0, bar));
      more = bar != std::string_view::npos;
      if (more) words.remove_prefix(bar + 1);
      const std::string path = parent + (parent.empty() ? "" : ".") + word;
      if (word.ends_with("[]")) {
        entries.push_back({path, path.substr(0, path.size() - 2), "[]", &key});
      } else {
        entries.push_back({path, parent, word, &key});
      }
    }
  }
  return entries;
}

// Optimal string alignment: insertions, deletions, changes and swaps of neighbours, upper and lower case alike.
size_t edit_distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

const std::vector<SchemaEntry>& schema() {
  static const std::vector<SchemaEntry> entries = expand();
  return entries;
}

const SchemaEntry* find_in_schema(std::string_view parent, std::string_view name) {
  for (const auto& entry : schema()) {
    if (entry.parent == parent && (entry.name == name || entry.name == "*")) return &entry;
  }
  return nullptr;
}

std::string suggest_key(std::string_view parent, std::string_view name) {
  const std::string_view start = name.substr(0, 64);  // no key is longer: a bound on the work
  std::string_view nearest;
  size_t least = std::string_view::npos;
  std::string all;
  for (const auto& entry : schema()) {
    if (entry.parent != parent) continue;
    all += (all.empty() ? "" : ", ") + entry.name;
    const size_t distance = edit_distance(start, entry.name);
    if (distance < least) {
      least = distance;
      nearest = entry.name;
    }
  }
  const std::string quoted = "'" + std::string(nearest) + "'";
  if (least <= std::max<size_t>(2, start.size() / 3)) return "did you mean " + quoted + "?";
  return "the nearest one is " + quoted + "; known here: " + all;
}

}  // namespace entrepot::app
