// Digest -> the fill that is bringing it.
#pragma once

#include "entrepot/base/synced.h"
#include "fill.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace entrepot::pull {

// Thread-safe. The one place that makes "one fill at a time for a digest" true.
class FillTable {
 public:
  explicit FillTable(size_t max_fills) : max_fills_(max_fills) {}

  struct Joined {
    std::shared_ptr<Fill> fill;
    size_t source;  // the index of the caller's source in it
    bool started;   // the caller made it and must see to it that it is filled
  };
  // kDenied if there is a fill that others began and the caller's right to the blob is not
  // `proved`: theirs proves nothing for it. Where the source is the same, the fill's own answer
  // from upstream is the proof. kOverloaded if one more fill would be too many.
  Result<Joined> join_or_start(const oci::Digest& digest, const FillSource& source, bool proved,
                                      std::optional<uint64_t> expected, Executor executor) {
    auto fills = fills_.lock();
    if (const auto it = fills->find(digest); it != fills->end()) {
      auto& fill = it->second;
      if (!proved && !fill->has_source(source)) {
        return Error{Error::Code::kDenied, "the right to " + digest.to_string() + " is not proved"};
      }
      return Joined{fill, fill->add_source(source), false};
    }
    if (fills->size() >= max_fills_) {
      return Error{Error::Code::kOverloaded, "the mirror fetches " + std::to_string(max_fills_) + " blobs already: try again soon"};
    }
    auto fill = std::make_shared<Fill>(digest, expected, executor);
    fills->emplace(digest, fill);
    return Joined{fill, fill->add_source(source), true};
  }

  // Before the readers of a failed fill wake, so that the next asker starts afresh.
  void remove(const oci::Digest& digest) { fills_.lock()->erase(digest); }

  std::vector<std::shared_ptr<Fill>> all() {
    std::vector<std::shared_ptr<Fill>> running;
    for (const auto& [digest, fill] : *fills_.lock()) running.push_back(fill);
    return running;
  }

 private:
  const size_t max_fills_;
  Synced<std::unordered_map<oci::Digest, std::shared_ptr<Fill>>> fills_;
};

}  // namespace entrepot::pull
