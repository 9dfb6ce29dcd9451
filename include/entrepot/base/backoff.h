// How long to wait before the next attempt. Pure.
#pragma once

#include <chrono>

namespace entrepot {

// Doubles from `first` with each failed attempt (1, 2, ...) up to `most`; `jitter` in [0, 1) takes
// up to half of it off, so that many do not come back at once.
std::chrono::milliseconds backoff_delay(int attempt, std::chrono::milliseconds first, std::chrono::milliseconds most,
                                        double jitter);

}  // namespace entrepot
