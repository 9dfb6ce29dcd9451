// How the cache behaves.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace entrepot::pull {

struct Options {
  // A tag is served without a question for so long (less up to a tenth of it as jitter).
  std::chrono::milliseconds freshness{60'000};
  // With something held, a revalidation is waited for no longer than this; then stale is served and it goes on behind.
  std::chrono::milliseconds revalidate_timeout{2'000};
  // A tag that upstream no longer knows is served for so long after it was last confirmed.
  std::chrono::milliseconds not_found_grace{600'000};
  // After upstream could not be reached, held tags are served stale at once for so long.
  std::chrono::milliseconds unreachable_pause{5'000};
  // Blobs that are fetched at once (two open files each); one more is kOverloaded.
  size_t max_fills = 1024;
  // A fill's attempts without a byte of progress.
  int fill_attempts = 5;
  // A partial file is synced and its prefix recorded each time it has grown by so much.
  uint64_t checkpoint_every = 64 << 20;
};

}  // namespace entrepot::pull
