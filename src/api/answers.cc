// Pieces of answers that several routes share.
#include "entrepot/oci/error_body.h"
#include "entrepot/oci/media_type.h"
#include "handlers.h"

#include <utility>

namespace entrepot::api {

serve::Head make_head(int status, std::string_view content_type) {
  serve::Head head;
  head.status = status;
  head.headers.reserve(10);
  head.headers.emplace_back("Docker-Distribution-Api-Version", "registry/2.0");
  head.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (!content_type.empty()) head.headers.emplace_back("Content-Type", content_type);
  return head;
}

Task<> send_error(Exchange& exchange, HttpError error, std::string message) {
  auto head = make_head(error.status, oci::media_type::kJson);
  if (error.status == 405) head.headers.emplace_back("Allow", "GET, HEAD");
  if (error.status == 503 || error.status == 429) head.headers.emplace_back("Retry-After", "5");
  auto body = oci::error_body(error.code, message);
  co_await exchange.response.send(std::move(head), std::move(body));
}

Task<> send_error(Exchange& exchange, Error error, Subject subject) {
  exchange.error = error.code;
  const auto answer = http_error(error.code, subject);
  co_await send_error(exchange, answer, std::move(error.message));
}

std::string cache_status(pull::Origin origin) {
  switch (origin) {
    case pull::Origin::kHit: return "entrepot; hit";
    case pull::Origin::kMiss: return "entrepot; fwd=uri-miss; stored";
    case pull::Origin::kCoalesced: return "entrepot; fwd=uri-miss; collapsed; stored";
    case pull::Origin::kPassedThrough: return "entrepot; fwd=uri-miss";
  }
  return "entrepot";
}

std::string stale_warning(const Error& reason) {
  constexpr size_t kMost = 500;
  std::string text = "299 - \"entrepot serves what it holds, upstream could not confirm it: ";
  for (char c : std::string_view(reason.message).substr(0, kMost)) {
    const bool plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
    text += plain ? c : ' ';
  }
  return text + "\"";
}

}  // namespace entrepot::api
