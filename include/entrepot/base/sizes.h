// Byte counts and durations as people write them.
#pragma once

#include "entrepot/base/result.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace entrepot {

// "512", "64KiB", "10MB", "1.5GiB", "2T" (K, M, G, T alone are powers of 1024).
Result<uint64_t> parse_size(std::string_view text);
// Go's form: "300ms", "60s", "1m30s", "168h"; "0" is zero.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

std::string format_size(uint64_t bytes);                          // "1.5 GiB"
std::string format_duration(std::chrono::milliseconds duration);  // "1m30s"

}  // namespace entrepot
