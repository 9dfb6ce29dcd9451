#include "entrepot/base/log.h"
#include "entrepot/oci/byte_range.h"
#include "entrepot/oci/media_type.h"
#include "handlers.h"

#include <algorithm>
#include <utility>

namespace entrepot::api {
namespace {

serve::Head blob_head(int status, const oci::Digest& digest, pull::Origin origin) {
  auto head = make_head(status, oci::media_type::kOctetStream);
  const std::string name = digest.to_string();
  head.headers.emplace_back("ETag", "\"" + name + "\"");
  head.headers.emplace_back("Docker-Content-Digest", name);
  head.headers.emplace_back("Accept-Ranges", "bytes");
  head.headers.emplace_back("Cache-Control", "max-age=31536000");
  head.headers.emplace_back("Cache-Status", cache_status(origin));
  return head;
}

// HEAD, and a GET by a client that has the blob: nothing is transferred, so nothing is fetched.
Task<> send_stat(Exchange& exchange, const oci::BlobRoute& route, int status) {
  const auto stat = co_await exchange.services.blobs.stat(exchange.registry, route.repository, route.digest);
  if (!stat) {
    co_await send_error(exchange, stat.error(), Subject::kBlob);
    co_return;
  }
  exchange.origin = stat->origin;
  auto head = blob_head(status, route.digest, stat->origin);
  auto length = stat->size;
  if (status != 200) length.reset();
  co_await exchange.response.send_head_only(std::move(head), length);
}

// The part of a blob of `size` bytes that the client asks for.
oci::RangeDecision wanted_range(const Exchange& exchange, const oci::Digest& digest, uint64_t size) {
  const auto range = exchange.request.header("range");
  const auto if_range = exchange.request.header("if-range");
  const bool applies = !range.empty() && (if_range.empty() || oci::etag_matches(if_range, digest));
  if (!applies) return {oci::RangeDecision::Kind::kWhole, {}};
  return oci::decide_range(range, size);
}

// Of a growing blob nothing may be there yet, and its head leaves at once.
serve::Response::FirstPiece first_piece(const pull::BlobReader& reader) {
  const bool at_hand = reader.origin() == pull::Origin::kHit;
  return at_hand ? serve::Response::FirstPiece::kAtHand : serve::Response::FirstPiece::kLater;
}

// Sends `length` bytes from `from` on (or what there is until the end), as they become readable.
Task<> send_body(Exchange& exchange, pull::BlobReader& reader, const oci::Digest& digest, uint64_t from, std::optional<uint64_t> length) {
  uint64_t sent = 0;
  while (!length || sent < *length) {
    auto ready = co_await reader.readable(from + sent);
    if (!ready) {
      exchange.error = ready.error().code;
      log_warn("a client's connection is cut short: the blob cannot be completed",
               {{"remote", exchange.request.remote}, {"digest", digest.to_string()}, {"error", ready.error().message}});
      co_return;
    }
    if (*ready == 0) break;
    const uint64_t count = length ? std::min(*ready, *length - sent) : *ready;
    const bool taken = co_await exchange.response.send_file(reader.fd(), from + sent, count);
    if (!taken) co_return;
    sent += count;
  }
  if (!length || sent == *length) co_await exchange.response.finish();
}

Task<> send_range_error(Exchange& exchange, uint64_t size) {
  auto head = make_head(416, oci::media_type::kJson);
  head.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
  std::string body = R"({"errors":[{"code":"RANGE_INVALID","message":"the blob has fewer bytes than the range asks for"}]})";
  co_await exchange.response.send(std::move(head), std::move(body));
}

}  // namespace

Task<> serve_blob(Exchange& exchange, oci::BlobRoute route) {
  if (exchange.is_head()) {
    co_await send_stat(exchange, route, 200);
    co_return;
  }
  const auto if_none_match = exchange.request.header("if-none-match");
  if (!if_none_match.empty() && oci::etag_matches(if_none_match, route.digest)) {
    co_await send_stat(exchange, route, 304);
    co_return;
  }
  auto opened = co_await exchange.services.blobs.open(exchange.registry, route.repository, route.digest);
  if (!opened) {
    co_await send_error(exchange, opened.error(), Subject::kBlob);
    co_return;
  }
  pull::BlobReader reader = std::move(*opened);
  exchange.origin = reader.origin();
  auto size = reader.size();
  // HTTP/1.0 has no way to say that a body was cut short but its length.
  if (!size && exchange.request.minor_version == 0) {
    const auto whole = co_await reader.complete();
    if (!whole) {
      exchange.origin.reset();
      co_await send_error(exchange, whole.error(), Subject::kBlob);
      co_return;
    }
    size = *whole;
  }
  if (!size) {
    auto head = blob_head(200, route.digest, reader.origin());
    const bool begun = co_await exchange.response.begin(std::move(head), std::nullopt, first_piece(reader));
    if (begun) co_await send_body(exchange, reader, route.digest, 0, std::nullopt);
    co_return;
  }
  const auto decision = wanted_range(exchange, route.digest, *size);
  if (decision.kind == oci::RangeDecision::Kind::kUnsatisfiable) {
    exchange.origin.reset();
    co_await send_range_error(exchange, *size);
    co_return;
  }
  const bool part = decision.kind == oci::RangeDecision::Kind::kPart;
  const uint64_t from = part ? decision.range.from : 0;
  const uint64_t length = part ? decision.range.length : *size;
  auto head = blob_head(part ? 206 : 200, route.digest, reader.origin());
  if (part) {
    head.headers.emplace_back("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(from + length - 1) + "/" + std::to_string(*size));
  }
  const bool begun = co_await exchange.response.begin(std::move(head), length, first_piece(reader));
  if (begun) co_await send_body(exchange, reader, route.digest, from, length);
}

}  // namespace entrepot::api
