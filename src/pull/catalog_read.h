// Reading the catalog from a thread that serves: memory first, else one hop to the disk pool.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/base/task.h"
#include "entrepot/store/catalog.h"

#include <type_traits>
#include <utility>

namespace entrepot::pull {

// `read` is a callable (Reach) -> Result<X> that is copied to the disk pool if it must go there.
template <class Read>
Task<std::invoke_result_t<Read&, store::Reach>> read_catalog(DiskPool& disk, Read read) {
  auto found = read(store::Reach::kMemory);
  if (found.has_value() || found.error().code != Error::Code::kNotInMemory) co_return found;
  auto job = [read]() mutable { return read(store::Reach::kDisk); };
  co_return co_await disk.run(std::move(job));
}

}  // namespace entrepot::pull
