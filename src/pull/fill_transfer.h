// One attempt to bring a fill's bytes: takes upstream's answer into the partial file.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/fetch/client.h"
#include "entrepot/store/partial_file.h"
#include "fill.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace entrepot::pull {

// Called on a fetch loop; read by the filler after the transfer has ended.
class FillTransfer final : public fetch::ResponseSink {
 public:
  // `subject` names upstream, repository and blob: messages begin with it.
  FillTransfer(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial, DiskPool& disk, uint64_t checkpoint_every,
               std::string subject);

  Verdict on_head(const fetch::ResponseHead& head) noexcept override;
  Verdict on_body(ByteSpan piece) noexcept override;
  void on_done(Result<void> result) noexcept override;

  // Why this side stopped the transfer, if it did.
  const std::optional<Error>& error() const { return error_; }

 private:
  Result<void> take_head(const fetch::ResponseHead& head);
  Result<void> take_body(ByteSpan piece);
  void checkpoint();
  Verdict stop(Error error);

  const std::shared_ptr<Fill> fill_;
  const std::shared_ptr<store::PartialFile> partial_;
  DiskPool& disk_;
  const uint64_t checkpoint_every_;
  const std::string subject_;
  uint64_t skip_ = 0;  // bytes of an answer from zero that the file has already
  uint64_t checkpointed_;
  std::optional<Error> error_;
};

}  // namespace entrepot::pull
