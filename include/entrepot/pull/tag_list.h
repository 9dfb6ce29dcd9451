// The tags of a repository: upstream's list, or what is held when upstream cannot answer.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/oci/reference.h"
#include "entrepot/pull/blob_service.h"
#include "entrepot/pull/registry.h"
#include "entrepot/store/catalog.h"

#include <optional>
#include <string>
#include <vector>

namespace entrepot::pull {

struct TagListAnswer {
  std::vector<std::string> tags;
  bool more = false;
  Origin origin = Origin::kPassedThrough;
  std::optional<Error> stale;  // why upstream's list could not be had
};

// Thread-safe.
class TagList {
 public:
  TagList(store::Catalog& catalog, DiskPool& disk) : catalog_(catalog), disk_(disk) {}

  // Behind `last` (empty: from the start), at most `n` (nothing: all there are).
  Task<Result<TagListAnswer>> list(Registry registry, oci::RepositoryName repository, std::string last, std::optional<size_t> n);

 private:
  Task<Result<TagListAnswer>> ask(Registry registry, oci::RepositoryName repository, std::string last, std::optional<size_t> n);

  store::Catalog& catalog_;
  DiskPool& disk_;
};

}  // namespace entrepot::pull
