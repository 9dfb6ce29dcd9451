// A blob file that is still growing.
#pragma once

#include "entrepot/base/hash.h"
#include "entrepot/base/result.h"
#include "entrepot/base/unique_fd.h"
#include "entrepot/oci/digest.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace entrepot::store {

// Grows at its end only: bytes that a reader may have had are never rewritten. What is there when
// the object goes stays for a later resume, unless discard() or publish_as() was called.
//
// append() and hash() belong to one thread at a time; checkpoint() may run beside them on the disk
// pool. Everything else: when nobody appends.
class PartialFile {
 public:
  // Opens the file at `path` and keeps what can be trusted of it, or creates an empty one. After a
  // crash of the process that is all of it (the page cache survived); after a reboot only what lies
  // before the last checkpoint whose prefix digest still agrees: the rest may be zeros. Re-hashes
  // what it keeps: blocks for as long as that takes.
  static Result<std::unique_ptr<PartialFile>> open(std::string path, const oci::Digest& digest);
  ~PartialFile();

  int fd() const { return fd_.get(); }
  const oci::Digest& digest() const { return digest_; }
  uint64_t size() const { return size_; }
  const Hash& hash() const { return hash_; }  // of all bytes so far

  // kNoSpace or kIo: the file ends where it ended before.
  Result<void> append(ByteSpan data);

  // Syncs the file and notes that its first `offset` bytes have the hash `prefix`.
  Result<void> checkpoint(uint64_t offset, const Hash& prefix);

  // Syncs, makes read-only, renames to `path`, syncs the folder.
  Result<void> publish_as(const std::string& path);
  // Removes the file. Readers that have it open keep it.
  void discard();

 private:
  PartialFile(std::string path, const oci::Digest& digest) : path_(std::move(path)), digest_(digest), hash_(digest.algorithm()) {}
  Result<void> keep_trusted(uint64_t length);

  const std::string path_;
  const oci::Digest digest_;
  UniqueFd fd_;
  UniqueFd points_;
  uint64_t size_ = 0;
  Hash hash_;
};

}  // namespace entrepot::store
