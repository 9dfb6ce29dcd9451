// One attempt to bring a fill's bytes: takes upstream's answer into the partial file.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/fetch/client.h"
#include "entrepot/store/partial_file.h"
#include "fill.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace entrepot::pull {

// Called on a fetch loop; read by the filler after the transfer has ended.
class FillTransfer final : public fetch::ResponseSink {
 public:
  FillTransfer(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial, DiskPool& disk, uint64_t checkpoint_every);

  Verdict on_head(const fetch::ResponseHead& head) noexcept override;
  Verdict on_body(ByteSpan piece) noexcept override;
  void on_done(Result<void> result) noexcept override;

  // Why this side stopped the transfer, if it did.
  const std::optional<Error>& error() const { return error_; }
  // The answer came to its regular end.
  bool ended() const { return ended_; }

 private:
  Result<void> take_head(const fetch::ResponseHead& head);
  Result<void> take_body(ByteSpan piece);
  void checkpoint();

  const std::shared_ptr<Fill> fill_;
  const std::shared_ptr<store::PartialFile> partial_;
  DiskPool& disk_;
  const uint64_t checkpoint_every_;
  uint64_t skip_ = 0;  // bytes of an answer from zero that the file has already
  uint64_t checkpointed_;
  std::optional<Error> error_;
  bool ended_ = false;
};

}  // namespace entrepot::pull
