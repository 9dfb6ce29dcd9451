// Where GET manifest goes: by digest from the catalog, by tag through the freshness of the tag.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"
#include "entrepot/pull/blob_service.h"
#include "entrepot/pull/options.h"
#include "entrepot/pull/registry.h"
#include "entrepot/pull/statistics.h"
#include "entrepot/store/catalog.h"

#include <memory>
#include <optional>
#include <string>

namespace entrepot::pull {

// How a manifest came to be answered.
struct ManifestAnswer {
  oci::Digest digest;
  std::string media_type;
  std::optional<uint64_t> size;  // unknown only for a HEAD that upstream answered without one
  std::string bytes;             // of a get(): exactly as upstream sent them
  Origin origin;
  WallTime confirmed;                          // when upstream last stood by it
  std::optional<Milliseconds> fresh_for;       // of a tag: how long it will be served without a question
  bool revalidated = false;                    // upstream was asked about the tag for this answer
  std::optional<Error> stale;                  // why upstream could not confirm what is served
};

// Thread-safe. Every manifest that is served was verified against the digest it is served by.
// Errors: upstream's, kDigestMismatch, kUpstreamInvalid (not a manifest), kTooLarge, kNoSpace, kIo.
class ManifestService {
 public:
  ManifestService(const Options& options, store::Catalog& catalog, DiskPool& disk, const Clock& clock, Statistics& statistics);
  ~ManifestService();

  Task<Result<ManifestAnswer>> get(Registry registry, oci::RepositoryName repository, oci::Reference reference);
  // The same without the bytes; what is not held is asked by HEAD and not fetched.
  Task<Result<ManifestAnswer>> head(Registry registry, oci::RepositoryName repository, oci::Reference reference);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace entrepot::pull
