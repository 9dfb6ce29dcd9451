// What operators see: statistics and health, on the debug address.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/fetch/client.h"
#include "entrepot/pull/blob_service.h"
#include "entrepot/pull/registry.h"
#include "entrepot/pull/statistics.h"
#include "entrepot/serve/server.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace entrepot::admin {

// Blobs on disk: what was there at the start (counted behind the serving) and what came since.
struct Held {
  uint64_t blobs = 0;
  uint64_t bytes = 0;
};

struct Options {
  // What Host may name besides "localhost" and IP addresses: a page in a browser must not reach
  // this through a name of its own that resolves here (DNS rebinding).
  std::vector<std::string> names;
};

// What the admin surface reads. All outlive the Admin.
struct Services {
  const pull::Statistics& statistics;
  pull::BlobService& blobs;
  pull::Registry registry;
  const fetch::Client& client;
  const store::Catalog& catalog;
  DiskPool& disk;
};

// GET /stats: JSON, see README. GET /healthz: 200 while the process serves. Thread-safe.
class Admin final : public serve::Handler {
 public:
  Admin(Options options, Services services);
  ~Admin() override;

  Task<> handle(const serve::Request& request, serve::Response& response) override;
  void refused(std::string_view, int, std::string_view) noexcept override {}

  // Counts the blobs that are held, on the disk pool. Once, at the start.
  void count_held();

 private:
  const Options options_;
  Services services_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  struct HeldAtStart;
  std::shared_ptr<HeldAtStart> held_;
};

}  // namespace entrepot::admin
