// How often each status came.
#pragma once

#include "entrepot/base/synced.h"

#include <cstdint>
#include <map>

namespace entrepot::upstream {

// Thread-safe. A request to an upstream costs far more than this lock.
class StatusCounts {
 public:
  void add(int status) { ++(*counts_.lock())[status]; }
  std::map<int, uint64_t> snapshot() const { return *counts_.lock(); }

 private:
  mutable Synced<std::map<int, uint64_t>> counts_;
};

}  // namespace entrepot::upstream
