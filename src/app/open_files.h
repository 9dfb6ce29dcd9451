// The limit on open files, and who gets how many of them.
#pragma once

#include "entrepot/base/result.h"

#include <cstddef>

namespace entrepot::app {

struct OpenFileShares {
  size_t connections;
  size_t open_blobs;
  size_t fills;  // two files each
  int catalog;
};

// Raises the soft limit to the hard one and returns it. kIo if the system refuses.
Result<size_t> raise_open_file_limit();

// Pure. kInvalid if the configuration asks for more connections than their share; the default is
// cut to it instead.
Result<OpenFileShares> share_open_files(size_t limit, size_t wanted_connections);

}  // namespace entrepot::app
