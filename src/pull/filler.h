// Runs fills: from the partial file that is there to the published blob.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/disk_pool.h"
#include "entrepot/base/gate.h"
#include "entrepot/pull/options.h"
#include "entrepot/pull/statistics.h"
#include "entrepot/store/blob_store.h"
#include "entrepot/store/catalog.h"
#include "fill_table.h"
#include "membership.h"

#include <memory>

namespace entrepot::pull {

// Thread-safe. Outlives the tasks it spawned: close(), then wait_idle().
class Filler {
 public:
  Filler(const Options& options, store::Catalog& catalog, store::BlobStore& blobs, DiskPool& disk, const Clock& clock,
         Statistics& statistics, Membership& membership, FillTable& table)
      : options_(options),
        catalog_(catalog),
        blobs_(blobs),
        disk_(disk),
        clock_(clock),
        statistics_(statistics),
        membership_(membership),
        table_(table) {}

  // Fills `fill`, which the caller has just put into the table, in a task of its own.
  void start(std::shared_ptr<Fill> fill, Executor executor);

  // Starts no more, and lets no transfer go on by another attempt.
  void close() { gate_.close(); }
  // Blocks until the last fill has ended, at most `deadline`.
  bool wait_idle(std::chrono::milliseconds deadline) { return gate_.wait_empty(deadline); }

 private:
  Task<> run(std::shared_ptr<Fill> fill, Gate::Pass pass);
  Task<> bring(std::shared_ptr<Fill> fill);
  Task<Result<void>> check_right(FillSource source, oci::Digest digest);
  Task<Result<bool>> serve_from_store(std::shared_ptr<Fill> fill);
  Task<Result<void>> download(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial);
  Task<Result<void>> transfer(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial);
  Task<> publish(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial, FillSource source);
  void give_up(Fill& fill, const FillSource& source, const Error& error);

  const Options options_;
  store::Catalog& catalog_;
  store::BlobStore& blobs_;
  DiskPool& disk_;
  const Clock& clock_;
  Statistics& statistics_;
  Membership& membership_;
  FillTable& table_;
  Gate gate_;
};

}  // namespace entrepot::pull
