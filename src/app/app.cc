// The member list of Parts is the proof of who depends on whom: each needs only what stands above it.
#include "entrepot/app/app.h"

#include "entrepot/admin/admin.h"
#include "entrepot/api/api.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/base/log.h"
#include "entrepot/fetch/client.h"
#include "entrepot/pull/blob_service.h"
#include "entrepot/pull/manifest_service.h"
#include "entrepot/pull/tag_list.h"
#include "entrepot/serve/server.h"
#include "entrepot/store/blob_store.h"
#include "entrepot/store/catalog.h"
#include "entrepot/upstream/upstream.h"
#include "open_files.h"
#include "version.h"

#include <algorithm>
#include <thread>

namespace entrepot::app {
namespace {

constexpr size_t kDiskThreads = 8;
// How long a stop waits for fills to notice that their transfers have ended.
constexpr std::chrono::milliseconds kFillDeadline{10'000};
constexpr std::string_view kDefaultUpstreamKey = "default_upstream";

struct Store {
  std::unique_ptr<store::BlobStore> blobs;
  std::unique_ptr<store::Catalog> catalog;
};

Result<Store> open_store(const Config& config, const OpenFileShares& shares) {
  store::Options options;
  options.root = config.root_directory;
  options.open_blobs = shares.open_blobs;
  options.catalog_open_files = shares.catalog;
  Store opened;
  TRY_ASSIGN(opened.blobs, store::BlobStore::open(options));
  TRY_ASSIGN(opened.catalog, store::Catalog::open(options));
  return opened;
}

// Without a configured upstream, what the last one brought is served under its name.
Result<std::string> registry_name(const Config& config, store::Catalog& catalog) {
  if (!config.upstream) {
    TRY_ASSIGN(const auto last, catalog.meta(kDefaultUpstreamKey));
    return last.value_or("");
  }
  store::Catalog::Batch batch;
  batch.put_meta(kDefaultUpstreamKey, config.upstream->name);
  TRY(catalog.commit(std::move(batch), store::Catalog::Durability::kBuffered));
  return config.upstream->name;
}

std::vector<std::string> answered_namespaces(const Config& config, const std::string& registry) {
  auto names = config.namespaces;
  if (!registry.empty()) names.push_back(registry);
  if (registry == "docker.io") names.insert(names.end(), {"registry-1.docker.io", "index.docker.io"});
  return names;
}

pull::Options pull_options(const Config& config, const OpenFileShares& shares) {
  pull::Options options;
  options.max_fills = shares.fills;
  options.freshness = config.freshness;
  options.revalidate_timeout = config.revalidate_timeout;
  return options;
}

fetch::ClientOptions client_options() {
  fetch::ClientOptions options;
  options.user_agent = "entrepot/" + std::string(kVersion);
  return options;
}

size_t worker_count(const Config& config) {
  return config.workers > 0 ? config.workers : std::max<size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

struct App::Parts {
  Parts(const Config& config, const OpenFileShares& shares, Store store, std::string registry_name)
      : drain_timeout(config.drain_timeout),
        catalog(std::move(store.catalog)),
        blob_store(std::move(store.blobs)),
        workers(worker_count(config)),
        disk(kDiskThreads),
        client(client_options()),
        upstream(config.upstream ? std::make_unique<upstream::Upstream>(*config.upstream, client, clock) : nullptr),
        registry{registry_name, upstream.get()},
        blobs(pull_options(config, shares), *catalog, *blob_store, disk, clock, statistics),
        manifests(pull_options(config, shares), *catalog, disk, clock, statistics),
        tags(*catalog, disk),
        api({registry, answered_namespaces(config, registry_name), config.access_log},
            {blobs, manifests, tags, *catalog, disk, clock, statistics}),
        admin({config.debug_names}, {statistics, blobs, registry, client, *catalog, disk}) {}

  const std::chrono::milliseconds drain_timeout;
  SystemClock clock;
  pull::Statistics statistics;
  std::unique_ptr<store::Catalog> catalog;
  std::unique_ptr<store::BlobStore> blob_store;
  serve::WorkerPool workers;
  DiskPool disk;
  fetch::Client client;
  std::unique_ptr<upstream::Upstream> upstream;  // null: nobody is asked
  pull::Registry registry;
  pull::BlobService blobs;
  pull::ManifestService manifests;
  pull::TagList tags;
  api::Api api;
  admin::Admin admin;
  std::unique_ptr<serve::Server> server;
  std::unique_ptr<serve::Server> debug_server;
};

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<App>> App::start(const Config& config) {
  TRY_ASSIGN(const size_t file_limit, raise_open_file_limit());
  TRY_ASSIGN(const auto shares, share_open_files(file_limit, config.http.max_connections));
  TRY_ASSIGN(auto store, open_store(config, shares));
  TRY_ASSIGN(auto name, registry_name(config, *store.catalog));
  auto parts = std::make_unique<Parts>(config, shares, std::move(store), std::move(name));
  parts->admin.count_held();

  auto options = config.http;
  options.max_connections = shares.connections;
  std::unique_ptr<App> app(new App(std::move(parts)));
  auto& p = *app->parts_;
  TRY_ASSIGN(p.debug_server, serve::Server::start(config.debug, p.workers, p.disk, p.admin));
  TRY_ASSIGN(p.server, serve::Server::start(options, p.workers, p.disk, p.api));
  return app;
}

App::~App() { stop(); }

// What runs ends from the outside in: clients, fills, upstream transfers, what still waits for
// them, disk, workers.
void App::stop() {
  auto& p = *parts_;
  if (p.server) p.server->drain(p.drain_timeout);
  p.blobs.close();
  p.client.stop();
  if (!p.blobs.wait_idle(kFillDeadline)) log_error("a fill did not end in time");
  p.server.reset();
  p.debug_server.reset();
  p.disk.stop();
  p.workers.stop();
}

uint16_t App::port() const { return parts_->server->port(); }
uint16_t App::debug_port() const { return parts_->debug_server->port(); }

}  // namespace entrepot::app
