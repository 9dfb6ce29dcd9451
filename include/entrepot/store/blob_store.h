// Blob files: complete, proved, read-only.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/base/synced.h"
#include "entrepot/base/unique_fd.h"
#include "entrepot/oci/digest.h"
#include "entrepot/store/options.h"
#include "entrepot/store/partial_file.h"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace entrepot::store {

// An open blob file. Stays readable when the file is removed or replaced (POSIX).
struct OpenBlob {
  UniqueFd fd;
  uint64_t size;
};

// Thread-safe. Methods block on the disk unless they say otherwise.
class BlobStore {
 public:
  // Creates the folders below options.root. kIo names the one that cannot be made.
  static Result<std::unique_ptr<BlobStore>> open(const Options& options);

  // The file of `digest`, if it is open already. Never blocks.
  std::shared_ptr<const OpenBlob> opened(const oci::Digest& digest);
  // Opens it; kNotFound if there is none of `size` bytes (a row whose file is so is a miss).
  Result<std::shared_ptr<const OpenBlob>> open(const oci::Digest& digest, uint64_t size);

  // The partial file of `digest`, with what can be kept of an earlier one. One at a time for a digest.
  Result<std::unique_ptr<PartialFile>> begin(const oci::Digest& digest);
  // Syncs a proved partial and renames it into place. Before its row is written; after an error
  // there is no file.
  Result<std::shared_ptr<const OpenBlob>> publish(PartialFile& partial);

 private:
  using Entry = std::pair<oci::Digest, std::shared_ptr<const OpenBlob>>;
  // Least recently used last.
  struct OpenFiles {
    std::list<Entry> entries;
    std::unordered_map<oci::Digest, std::list<Entry>::iterator> by_digest;
  };

  explicit BlobStore(const Options& options) : root_(options.root), open_blobs_(options.open_blobs) {}
  void keep_open(const oci::Digest& digest, std::shared_ptr<const OpenBlob> blob);

  const std::string root_;
  const size_t open_blobs_;
  Synced<OpenFiles> open_files_;
};

}  // namespace entrepot::store
