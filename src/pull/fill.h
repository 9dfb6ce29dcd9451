// The object that makes a missing blob come to be: the growing file as its readers see it.
#pragma once

#include "entrepot/base/promise.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"
#include "entrepot/pull/registry.h"

#include <boost/asio/any_completion_handler.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace entrepot::pull {

// Where a fill may get its blob, which is also the right by which its readers have it.
struct FillSource {
  Registry registry;
  oci::RepositoryName repository;
};

// Thread-safe. Written by one filler, read by any number of readers, which it never waits for.
//
// The tail is withheld until the digest is proved: before that, readable() never tells of the
// blob's last byte (without a known length: of the last byte received so far).
class Fill : public std::enable_shared_from_this<Fill> {
 public:
  // `expected` is the length that a manifest announced; `executor` is where late wake-ups are timed.
  Fill(const oci::Digest& digest, std::optional<uint64_t> expected, Executor executor);

  const oci::Digest& digest() const { return digest_; }

  // --- For readers ---

  // Waits until the fill has a head for those who came by source `index`, or fails for them.
  Task<Result<void>> head(size_t index);
  // Whether upstream refused the blob to those who came by source `index`.
  bool source_failed(size_t index) const;
  // Valid after head().
  int fd() const;
  std::optional<uint64_t> size() const;
  // Waits until bytes at `from` may be sent and returns how many, 0 at the proved end; the error if
  // the fill failed.
  Task<Result<uint64_t>> readable(uint64_t from);
  // Waits until the blob is proved and returns its length.
  Task<Result<uint64_t>> proved();

  // --- For the filler ---

  // The index of `source` among those who may bring the blob; it is added if it is new.
  size_t add_source(const FillSource& source);
  bool has_source(const FillSource& source) const;
  // The first one that has not failed.
  std::optional<std::pair<size_t, FillSource>> current_source() const;
  // All that have not failed: they have a right to the blob once it is proved.
  std::vector<FillSource> good_sources() const;

  // The file whose bytes readers get; `owner` keeps it open. Before announce().
  void attach(int fd, std::shared_ptr<const void> owner);
  // Upstream's head has come. kUpstreamInvalid if `size` contradicts what is known.
  Result<void> announce(std::optional<uint64_t> size);
  // The first `written` bytes are in the file.
  void grow(uint64_t written);
  // The file is whole and has the digest.
  void prove(uint64_t size);
  // One source's own error (401, 403, 404, 429): it reaches only those who came by it.
  void fail_source(size_t index, const Error& error);
  void fail(const Error& error);

  struct Progress {
    uint64_t written;
    std::optional<uint64_t> size;
    size_t waiting;  // readers
    std::chrono::steady_clock::time_point started;
  };
  Progress progress() const;
  bool announced() const;

 private:
  enum class State { kRunning, kProved, kFailed };
  struct Source {
    FillSource source;
    std::shared_ptr<Promise<Result<void>>> head;
    bool failed = false;
  };
  struct Waiter {
    uint64_t from;
    Executor executor;
    boost::asio::any_completion_handler<void(Result<uint64_t>)> handler;
  };

  // With the lock held.
  std::optional<Result<uint64_t>> answer(uint64_t from, uint64_t at_least) const;
  std::vector<std::pair<Waiter, Result<uint64_t>>> take_due(uint64_t at_least);
  static void resume(std::vector<std::pair<Waiter, Result<uint64_t>>> due);
  std::vector<std::shared_ptr<Promise<Result<void>>>> heads() const;

  static Task<> flush_soon(std::shared_ptr<Fill> fill);

  // Constant.
  const oci::Digest digest_;
  const Executor executor_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  State state_ = State::kRunning;
  std::optional<Error> error_;
  std::vector<Source> sources_;
  std::vector<Waiter> waiters_;
  int fd_ = -1;
  std::shared_ptr<const void> owner_;
  std::optional<uint64_t> size_;
  uint64_t written_ = 0;
  bool announced_ = false;
  bool flush_pending_ = false;
  std::chrono::steady_clock::time_point last_wake_{};
};

}  // namespace entrepot::pull
