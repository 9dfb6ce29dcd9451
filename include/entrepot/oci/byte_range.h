// Range, If-Range and If-None-Match. RFC 9110 sections 13.1 and 14.
#pragma once

#include "entrepot/oci/digest.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace entrepot::oci {

struct ByteRange {
  uint64_t from;
  uint64_t length;
};

struct RangeDecision {
  enum class Kind {
    kWhole,          // no range, or one that may be ignored (several ranges, another unit): 200
    kPart,           // 206
    kUnsatisfiable,  // 416
  };
  Kind kind;
  ByteRange range;  // kPart only
};

// `size` is the length of the whole blob.
RangeDecision decide_range(std::string_view range_header, uint64_t size);

// True if an If-None-Match or If-Range value names `digest`: quoted, bare or weak, in a list, or "*".
bool etag_matches(std::string_view header, const Digest& digest);

}  // namespace entrepot::oci
