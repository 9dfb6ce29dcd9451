#include "entrepot/base/backoff.h"

#include <algorithm>

namespace entrepot {

std::chrono::milliseconds backoff_delay(int attempt, std::chrono::milliseconds first, std::chrono::milliseconds most,
                                        double jitter) {
  auto delay = first;
  for (int i = 1; i < attempt && delay < most; ++i) delay *= 2;
  delay = std::min(delay, most);
  return delay - std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(delay.count()) * jitter / 2));
}

}  // namespace entrepot
