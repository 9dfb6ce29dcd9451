// Half of the files are for connections, an eighth each for blobs kept open and for RocksDB, nearly
// an eighth for fills (a file and a connection each); the rest is for other requests upstream,
// listeners and logs.
#include "open_files.h"

#include "entrepot/serve/options.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace entrepot::app {
namespace {

constexpr size_t kFewest = 256;
constexpr size_t kMostOpenBlobs = 4096;
constexpr size_t kMostFills = 1024;
constexpr size_t kMostCatalog = 512;

}  // namespace

Result<size_t> raise_open_file_limit() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("the limit on open files cannot be read");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("the limit on open files cannot be raised");
  return static_cast<size_t>(limit.rlim_cur);
}

Result<OpenFileShares> share_open_files(size_t limit, size_t wanted_connections) {
  if (limit < kFewest) {
    return Error{Error::Code::kInvalid, "only " + std::to_string(limit) + " files may be open, the mirror needs at least " +
                                            std::to_string(kFewest) + ": raise the limit (ulimit -n, LimitNOFILE=)"};
  }
  const size_t share = limit / 2;
  const bool by_default = wanted_connections == serve::Options().max_connections;
  if (wanted_connections > share && !by_default) {
    return Error{Error::Code::kInvalid, "http.limits.connections is " + std::to_string(wanted_connections) + ", but of the " +
                                            std::to_string(limit) + " files that may be open " + std::to_string(share) +
                                            " are for connections: lower it, or raise the limit (ulimit -n, LimitNOFILE=)"};
  }
  return OpenFileShares{std::min(share, wanted_connections), std::min(limit / 8, kMostOpenBlobs), std::min(limit / 18, kMostFills),
                        static_cast<int>(std::min(limit / 8, kMostCatalog))};
}

}  // namespace entrepot::app
