#include "fill_transfer.h"

#include "entrepot/base/log.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace entrepot::pull {
namespace {

struct ContentRange {
  uint64_t first;
  uint64_t total;
};

// "bytes FIRST-LAST/TOTAL" (RFC 9110 section 14.4); an unknown total is of no use here.
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<uint64_t> {
    uint64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto first = number(text.substr(0, dash));
  const auto total = number(text.substr(slash + 1));
  if (!first || !total) return std::nullopt;
  return ContentRange{*first, *total};
}

Error invalid(std::string message) { return {Error::Code::kUpstreamInvalid, std::move(message)}; }

}  // namespace

FillTransfer::FillTransfer(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial, DiskPool& disk,
                           uint64_t checkpoint_every, std::string subject)
    : fill_(std::move(fill)),
      partial_(std::move(partial)),
      disk_(disk),
      checkpoint_every_(checkpoint_every),
      subject_(std::move(subject)),
      checkpointed_(partial_->size()) {}

FillTransfer::Verdict FillTransfer::on_head(const fetch::ResponseHead& head) noexcept {
  auto taken = take_head(head);
  return taken ? Verdict::kGoOn : stop(taken.error());
}

FillTransfer::Verdict FillTransfer::stop(Error error) {
  error.message = subject_ + ": " + error.message;
  error_ = std::move(error);
  return Verdict::kStop;
}

Result<void> FillTransfer::take_head(const fetch::ResponseHead& head) {
  const uint64_t from = partial_->size();
  if (head.status == 206) {
    const auto range = parse_content_range(head.header("content-range"));
    if (!range || range->first != from) {
      return invalid("upstream was asked for bytes from " + std::to_string(from) + " and answered Content-Range: " +
                     std::string(head.header("content-range").substr(0, 100)));
    }
    TRY(fill_->announce(range->total));
  } else {
    skip_ = from;  // it starts from zero whatever was asked: the digest decides in the end
    TRY(fill_->announce(head.content_length()));
  }
  if (from > 0) fill_->grow(from);  // what an earlier process left can be read from now on
  return ok();
}

FillTransfer::Verdict FillTransfer::on_body(ByteSpan piece) noexcept {
  auto taken = take_body(piece);
  return taken ? Verdict::kGoOn : stop(taken.error());
}

Result<void> FillTransfer::take_body(ByteSpan piece) {
  const uint64_t skipped = std::min<uint64_t>(skip_, piece.size());
  skip_ -= skipped;
  piece = piece.subspan(skipped);
  if (piece.empty()) return ok();
  const auto size = fill_->size();
  if (size && piece.size() > *size - std::min(*size, partial_->size())) {
    return invalid("upstream sends more than the " + std::to_string(*size) + " bytes of " + fill_->digest().to_string());
  }
  TRY(partial_->append(piece));
  fill_->grow(partial_->size());
  if (partial_->size() - checkpointed_ >= checkpoint_every_) checkpoint();
  return ok();
}

void FillTransfer::checkpoint() {
  checkpointed_ = partial_->size();
  disk_.post([partial = partial_, offset = checkpointed_, prefix = Hash(partial_->hash())] {
    if (auto noted = partial->checkpoint(offset, prefix); !noted) {
      log_warn("a partial file cannot be synced: after a power loss it starts further back",
               {{"digest", partial->digest().to_string()}, {"error", noted.error().message}});
    }
  });
}

void FillTransfer::on_done(Result<void>) noexcept {}

}  // namespace entrepot::pull
