// Digest -> the fill that is bringing it.
#pragma once

#include "entrepot/base/synced.h"
#include "fill.h"

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace entrepot::pull {

// Thread-safe. The one place that makes "one fill at a time for a digest" true.
class FillTable {
 public:
  struct Joined {
    std::shared_ptr<Fill> fill;
    size_t source;  // the index of the caller's source in it
    bool started;   // the caller made it and must see to it that it is filled
  };
  // Nothing if there is a fill that others began and the caller's right to the blob is not
  // `proved`: theirs proves nothing for it. Where the source is the same, the fill's own answer
  // from upstream is the proof.
  std::optional<Joined> join_or_start(const oci::Digest& digest, const FillSource& source, bool proved,
                                      std::optional<uint64_t> expected, Executor executor) {
    auto fills = fills_.lock();
    auto& fill = (*fills)[digest];
    const bool started = !fill;
    if (started) fill = std::make_shared<Fill>(digest, expected, executor);
    if (!started && !proved && !fill->has_source(source)) return std::nullopt;
    return Joined{fill, fill->add_source(source), started};
  }

  // Before the readers of a failed fill wake, so that the next asker starts afresh.
  void remove(const oci::Digest& digest) { fills_.lock()->erase(digest); }

  std::vector<std::shared_ptr<Fill>> all() {
    std::vector<std::shared_ptr<Fill>> running;
    for (const auto& [digest, fill] : *fills_.lock()) running.push_back(fill);
    return running;
  }

 private:
  Synced<std::unordered_map<oci::Digest, std::shared_ptr<Fill>>> fills_;
};

}  // namespace entrepot::pull
