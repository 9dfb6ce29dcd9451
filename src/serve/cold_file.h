// Keeps sendfile from waiting for a disk: asks whether bytes are in the page cache, and brings them
// there.
#pragma once

#include "entrepot/base/result.h"

#include <cstdint>

namespace entrepot::serve {

// Whether sending would likely wait for the disk. Asks for the first and the last byte only: a
// slice is read, and dropped, more or less as a whole. Does not block.
bool is_cold(int fd, uint64_t offset, uint64_t count);

// Work for the disk pool: reads the bytes and forgets them. kIo if they are not there.
struct WarmUp {
  int fd;
  uint64_t offset;
  uint64_t count;
  Result<void> operator()() const;
};

}  // namespace entrepot::serve
