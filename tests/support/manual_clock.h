// A clock that stands still until the test moves it.
#pragma once

#include "entrepot/base/clock.h"

#include <atomic>

namespace entrepot::support {

class ManualClock final : public Clock {
 public:
  WallTime now() const override { return WallTime(Milliseconds(now_.load())); }
  void advance(Milliseconds by) { now_ += by.count(); }

 private:
  std::atomic<int64_t> now_{1'800'000'000'000};
};

}  // namespace entrepot::support
