// One request for a blob: lets the blob through to its sink and keeps everything else away from it.
#pragma once

#include "entrepot/base/promise.h"
#include "entrepot/base/result.h"
#include "entrepot/fetch/client.h"

#include <cstdint>
#include <memory>
#include <string>

namespace entrepot::upstream {

// The caller's sink with its one on_done: by finish(), or with kStopping when the last who could
// call it has gone.
class BlobDelivery {
 public:
  explicit BlobDelivery(std::shared_ptr<fetch::ResponseSink> sink) : sink_(std::move(sink)) {}
  ~BlobDelivery();
  BlobDelivery(const BlobDelivery&) = delete;

  fetch::ResponseSink& sink() { return *sink_; }
  // The first call counts.
  void finish(Result<void> result) noexcept;

 private:
  std::shared_ptr<fetch::ResponseSink> sink_;
};

class BlobTransfer final : public fetch::ResponseSink {
 public:
  struct Outcome {
    Result<void> result;      // of the transfer
    fetch::Response refusal;  // if the head was not let through: its status (0: none came) and some body
    int status = 0;
    bool delivered = false;  // the sink has had the head, and on_done
  };

  BlobTransfer(std::shared_ptr<BlobDelivery> delivery, uint64_t from, std::string subject)
      : delivery_(std::move(delivery)), from_(from), subject_(std::move(subject)) {}

  Verdict on_head(const fetch::ResponseHead& head) noexcept override;
  Verdict on_body(ByteSpan piece) noexcept override;
  void on_done(Result<void> result) noexcept override;

  // Set as the last thing. Whoever waits holds this transfer.
  Promise<Outcome>& outcome() { return outcome_; }

 private:
  const std::shared_ptr<BlobDelivery> delivery_;
  const uint64_t from_;
  const std::string subject_;
  Promise<Outcome> outcome_;

  // The fetch loop's thread only:
  Outcome so_far_{ok(), {}, 0, false};
};

}  // namespace entrepot::upstream
