// What is known: typed tables over RocksDB.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"
#include "entrepot/store/options.h"
#include "entrepot/store/records.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::store {

// How far a read may go. kMemory answers kNotInMemory instead of touching the disk: a thread that
// serves asks so first and takes one hop to the disk pool with kDisk.
enum class Reach { kMemory, kDisk };

// Blobs and manifests are keyed by digest and the upstream that brought them: what one upstream
// brought proves nothing to another. Thread-safe. Errors are kIo and kNoSpace, and kNotInMemory
// where a Reach is given.
class Catalog {
 public:
  // Creates it if there is none. kIo says so if another process holds it.
  static Result<std::unique_ptr<Catalog>> open(const Options& options);
  ~Catalog();

  template <class Record>
  using Found = Result<std::optional<Record>>;
  Found<BlobRecord> blob(const oci::Digest& digest, std::string_view upstream, Reach reach) const;
  Found<ManifestRecord> manifest(const oci::Digest& digest, std::string_view upstream, Reach reach) const;
  Found<TagRecord> tag(std::string_view upstream, const oci::RepositoryName& repository, const oci::Tag& tag, Reach reach) const;
  Found<MemberRecord> member(std::string_view upstream, const oci::RepositoryName& repository, const oci::Digest& digest,
                             Reach reach) const;

  // In lexical order, behind `last` (exclusive), at most `n`. These read the disk.
  Result<std::vector<std::string>> repositories(std::string_view upstream, std::string_view last, size_t n) const;
  Result<std::vector<std::string>> tags(std::string_view upstream, const oci::RepositoryName& repository, std::string_view last,
                                        size_t n) const;
  struct Totals {
    uint64_t blobs = 0;
    uint64_t bytes = 0;
  };
  // Counts the blob rows of the moment when blob_counter() was called, in a function that reads
  // the disk and may run elsewhere, once; this catalog outlives it.
  std::function<Result<Totals>()> blob_counter() const;

  // Small facts about this catalog, such as its default upstream's name.
  Found<std::string> meta(std::string_view key) const;

  // Everything that becomes true at once. Not thread-safe.
  class Batch {
   public:
    Batch();
    ~Batch();
    Batch(Batch&&) noexcept;
    void put_blob(const oci::Digest& digest, std::string_view upstream, const BlobRecord& record);
    void put_manifest(const oci::Digest& digest, std::string_view upstream, const ManifestRecord& record);
    void put_tag(std::string_view upstream, const oci::RepositoryName& repository, const oci::Tag& tag, const TagRecord& record);
    void put_member(std::string_view upstream, const oci::RepositoryName& repository, const oci::Digest& digest,
                    const MemberRecord& record);
    void put_meta(std::string_view key, std::string_view value);

   private:
    friend class Catalog;
    struct Row {
      int table;
      std::string key;
      std::string value;
    };
    std::vector<Row> rows_;
  };
  // kSynced: on the disk when it returns. kBuffered: a crash of the machine may forget it.
  enum class Durability { kSynced, kBuffered };
  Result<void> commit(Batch batch, Durability durability);

 private:
  struct Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace entrepot::store
