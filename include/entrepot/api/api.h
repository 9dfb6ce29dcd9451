// The registry's HTTP surface: OCI Distribution 1.1 and Docker Registry V2, pull only.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/pull/blob_service.h"
#include "entrepot/pull/manifest_service.h"
#include "entrepot/pull/registry.h"
#include "entrepot/pull/statistics.h"
#include "entrepot/pull/tag_list.h"
#include "entrepot/serve/server.h"
#include "entrepot/store/catalog.h"

#include <optional>
#include <string>
#include <vector>

namespace entrepot::api {

struct Options {
  pull::Registry registry;              // the default upstream
  std::vector<std::string> namespaces;  // the values of `?ns=` it answers to; any other is 404 NAME_UNKNOWN
  bool access_log = true;
};

// What the handlers call. All outlive the Api.
struct Services {
  pull::BlobService& blobs;
  pull::ManifestService& manifests;
  pull::TagList& tags;
  const store::Catalog& catalog;
  DiskPool& disk;
  const Clock& clock;
  pull::Statistics& statistics;
};

// Thread-safe: called on every worker.
class Api final : public serve::Handler {
 public:
  Api(Options options, Services services) : options_(std::move(options)), services_(services) {}

  Task<> handle(const serve::Request& request, serve::Response& response) override;
  void refused(std::string_view remote, int status, std::string_view reason) noexcept override;

 private:
  const Options options_;
  Services services_;
};

}  // namespace entrepot::api
