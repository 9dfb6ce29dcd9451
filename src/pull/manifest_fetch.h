// Brings manifests and the meaning of tags from upstream into the catalog, verified.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"
#include "entrepot/pull/registry.h"
#include "entrepot/store/catalog.h"

#include <memory>
#include <optional>

namespace entrepot::pull {

struct FetchedManifest {
  oci::Digest digest;
  std::shared_ptr<const store::ManifestRecord> record;  // shared by all who waited for it
};

// What upstream says of a tag.
struct TagMeaning {
  oci::Digest digest;
  std::string media_type;                               // as HEAD told it, may be empty
  std::optional<uint64_t> size;                         // as HEAD told it
  std::shared_ptr<const store::ManifestRecord> record;  // if it was fetched on the way
};

// Thread-safe; single flights are the caller's. The registry has an upstream.
class ManifestFetch {
 public:
  ManifestFetch(store::Catalog& catalog, DiskPool& disk, const Clock& clock) : catalog_(catalog), disk_(disk), clock_(clock) {}

  // Fetches, verifies and stores a manifest with the membership of all it names.
  Task<Result<FetchedManifest>> by_digest(Registry registry, oci::RepositoryName repository, oci::Digest digest);
  // HEAD, and where that does not tell the digest GET. With `fetch` a manifest that is not held is
  // fetched by its digest; it and the tag become known in one batch.
  Task<Result<TagMeaning>> by_tag(Registry registry, oci::RepositoryName repository, oci::Tag tag, bool fetch);

 private:
  Task<Result<FetchedManifest>> get(Registry registry, oci::RepositoryName repository, oci::Reference reference);
  Task<Result<FetchedManifest>> store(Registry registry, oci::RepositoryName repository, std::optional<oci::Tag> tag,
                                      FetchedManifest fetched);
  Task<Result<void>> note_tag(Registry registry, oci::RepositoryName repository, oci::Tag tag, oci::Digest digest);

  store::Catalog& catalog_;
  DiskPool& disk_;
  const Clock& clock_;
};

}  // namespace entrepot::pull
