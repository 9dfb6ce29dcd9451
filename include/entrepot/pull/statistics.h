// What the mirror has done since it started.
#pragma once

#include "entrepot/base/counters.h"
#include "entrepot/base/result.h"

#include <array>
#include <cstddef>

namespace entrepot::pull {

// Written by whoever does the thing, read by admin.
struct Statistics {
  // Requests for content (manifests, blobs, tag lists), by how they were answered; others are only in `requests`.
  Counter requests;
  Counter hits;
  Counter misses;
  Counter coalesced;
  Counter passed_through;

  // Body bytes sent to clients, by the same.
  Counter hit_bytes;
  Counter miss_bytes;
  Counter coalesced_bytes;
  Counter passed_through_bytes;

  Counter revalidations;  // questions to upstream whether a held tag still means the same
  Counter stale;          // answers from disk that upstream could not confirm
  Counter fills;          // blob transfers begun
  Counter fills_resumed;  // ... that went on from a partial file or after a break
  Counter blobs_stored;
  Counter blob_bytes_stored;

  std::array<Counter, static_cast<size_t>(Error::Code::kInternal) + 1> errors;
  void count_error(Error::Code code) { errors[static_cast<size_t>(code)].add(); }
};

}  // namespace entrepot::pull
