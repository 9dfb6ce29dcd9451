#include "blob_transfer.h"

#include "failure.h"
#include "url.h"

#include <algorithm>
#include <utility>

namespace entrepot::upstream {
namespace {

constexpr size_t kMaxErrorBody = 16 * 1024;

}  // namespace

BlobDelivery::~BlobDelivery() { finish(Error{Error::Code::kStopping, "the program is stopping"}); }

void BlobDelivery::finish(Result<void> result) noexcept {
  const std::shared_ptr<fetch::ResponseSink> sink = std::exchange(sink_, nullptr);
  if (sink) sink->on_done(std::move(result));
}

fetch::ResponseSink::Verdict BlobTransfer::on_head(const fetch::ResponseHead& head) noexcept {
  so_far_.status = head.status;
  const bool misplaced = head.status == 206 && content_range_start(head) != from_;
  if (misplaced) {
    so_far_.result = Error{Error::Code::kUpstreamInvalid, "answered another range than the one asked for"};
    return Verdict::kStop;
  }
  if (head.status == 200 || head.status == 206) {
    so_far_.delivered = true;
    return delivery_->sink().on_head(head);
  }
  so_far_.refusal.head = head;
  return Verdict::kGoOn;
}

fetch::ResponseSink::Verdict BlobTransfer::on_body(ByteSpan piece) noexcept {
  if (so_far_.delivered) return delivery_->sink().on_body(piece);
  std::string& body = so_far_.refusal.body;
  const size_t wanted = std::min(piece.size(), kMaxErrorBody - body.size());
  body.append(reinterpret_cast<const char*>(piece.data()), wanted);
  return body.size() < kMaxErrorBody ? Verdict::kGoOn : Verdict::kStop;
}

void BlobTransfer::on_done(Result<void> result) noexcept {
  // An error body that broke off is still the refusal that its status says.
  const bool refused = so_far_.refusal.head.status != 0;
  if (!result && !refused) so_far_.result = with_subject(subject_, std::move(result).error());
  if (so_far_.delivered) delivery_->finish(so_far_.result);
  outcome_.set(std::move(so_far_));
}

}  // namespace entrepot::upstream
