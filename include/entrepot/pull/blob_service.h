// Where GET blob goes: from disk, or from the fill that is bringing it.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"
#include "entrepot/pull/options.h"
#include "entrepot/pull/registry.h"
#include "entrepot/pull/statistics.h"
#include "entrepot/store/blob_store.h"
#include "entrepot/store/catalog.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace entrepot::pull {

class Fill;

// Where an answer's bytes come from.
enum class Origin {
  kHit,            // the disk
  kMiss,           // upstream, on this request's account
  kCoalesced,      // upstream, on another request's account
  kPassedThrough,  // upstream, and nothing is kept
};

// A blob to be read, complete or growing: the same face.
class BlobReader {
 public:
  explicit BlobReader(std::shared_ptr<const store::OpenBlob> blob) : blob_(std::move(blob)), origin_(Origin::kHit) {}
  BlobReader(std::shared_ptr<Fill> fill, Origin origin) : fill_(std::move(fill)), origin_(origin) {}

  int fd() const;
  // Unknown as long as upstream has not told it.
  std::optional<uint64_t> size() const;
  Origin origin() const { return origin_; }

  // Waits until at least one byte at `from` may be sent and returns how many may, 0 at the end. An
  // error means that the blob will not be completed: cut the client's connection short.
  Task<Result<uint64_t>> readable(uint64_t from);
  // Waits for the end and returns the length.
  Task<Result<uint64_t>> complete();

 private:
  std::shared_ptr<const store::OpenBlob> blob_;  // one of the two
  std::shared_ptr<Fill> fill_;
  Origin origin_;
};

struct BlobStat {
  std::optional<uint64_t> size;
  Origin origin;
};

struct FillReport {
  oci::Digest digest;
  std::string upstream;
  std::string repository;
  uint64_t bytes;
  std::optional<uint64_t> size;
  size_t waiting;
  double seconds;
};

// Thread-safe. Errors are those of upstream::Upstream, plus kDigestMismatch, kNoSpace, kIo, kStopping.
class BlobService {
 public:
  BlobService(const Options& options, store::Catalog& catalog, store::BlobStore& blobs, DiskPool& disk, const Clock& clock,
              Statistics& statistics);
  ~BlobService();

  // Returns as soon as the blob's head can be sent; a miss starts or joins the one fill there is.
  Task<Result<BlobReader>> open(Registry registry, oci::RepositoryName repository, oci::Digest digest);
  // For HEAD: what is not held is asked upstream, and no fill is started.
  Task<Result<BlobStat>> stat(Registry registry, oci::RepositoryName repository, oci::Digest digest);

  std::vector<FillReport> fills() const;

  // Starts no more fills.
  void close();
  // Blocks until the running ones have ended (their partial files stay), at most `deadline`.
  bool wait_idle(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace entrepot::pull
