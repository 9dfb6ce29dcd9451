// Wall-clock time behind a seam, so that tests move it by hand.
#pragma once

#include <chrono>
#include <string>

namespace entrepot {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

// RFC 3339 in UTC with milliseconds: 2026-11-23T20:51:56.123Z
std::string format_rfc3339(WallTime time);

}  // namespace entrepot
