// When a tag is fresh, and what a failed revalidation means. Pure.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/result.h"
#include "entrepot/pull/options.h"
#include "entrepot/store/records.h"

namespace entrepot::pull {

// How long the tag may still be served without a question; zero or less: it is stale. `jitter` in
// [0, 1) takes up to a tenth off the period. A record from the future (the wall clock jumped
// back) is stale: nothing is fresh for longer than its period.
Milliseconds fresh_for(const store::TagRecord& record, WallTime now, const Options& options, double jitter);

enum class AfterFailure { kServeStale, kRefuse };

// What to do with a held tag when its revalidation ended with `code`.
AfterFailure after_failure(Error::Code code, const store::TagRecord& record, WallTime now, const Options& options);

}  // namespace entrepot::pull
