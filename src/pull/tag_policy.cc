#include "tag_policy.h"

namespace entrepot::pull {

Milliseconds fresh_for(const store::TagRecord& record, WallTime now, const Options& options, double jitter) {
  if (record.checked > now) return Milliseconds(0);
  const auto period = options.freshness - Milliseconds(static_cast<int64_t>(static_cast<double>(options.freshness.count()) * jitter / 10));
  return period - (now - record.checked);
}

AfterFailure after_failure(Error::Code code, const store::TagRecord& record, WallTime now, const Options& options) {
  switch (code) {
    // Upstream's word about this repository.
    case Error::Code::kUnauthorized:
    case Error::Code::kDenied: return AfterFailure::kRefuse;
    case Error::Code::kNotFound:
      return now - record.checked < options.not_found_grace ? AfterFailure::kServeStale : AfterFailure::kRefuse;
    // Upstream cannot say, or says nonsense: what was true is the best there is.
    default: return AfterFailure::kServeStale;
  }
}

}  // namespace entrepot::pull
