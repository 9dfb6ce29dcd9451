// Who may have a digest: membership in a repository, and how it is proved.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/base/single_flight.h"
#include "entrepot/oci/reference.h"
#include "entrepot/pull/registry.h"
#include "entrepot/store/catalog.h"

#include <string>
#include <variant>

namespace entrepot::pull {

// Thread-safe.
class Membership {
 public:
  Membership(store::Catalog& catalog, DiskPool& disk) : catalog_(catalog), disk_(disk) {}

  enum class Kind { kBlob, kManifest };
  // Asks upstream by HEAD, once for all who ask, whether `digest` belongs to `repository` there, and
  // notes it. Without an upstream to ask: kNotFound. Errors are upstream's, and the catalog's.
  Task<Result<void>> prove(Registry registry, oci::RepositoryName repository, oci::Digest digest, Kind kind);

 private:
  Task<Result<std::monostate>> ask(Registry registry, oci::RepositoryName repository, oci::Digest digest, Kind kind);

  store::Catalog& catalog_;
  DiskPool& disk_;
  SingleFlight<std::string, std::monostate> flights_;
};

}  // namespace entrepot::pull
