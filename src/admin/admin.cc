#include "entrepot/admin/admin.h"

#include "entrepot/base/log.h"
#include "entrepot/oci/error_body.h"
#include "entrepot/oci/media_type.h"
#include "host_check.h"
#include "stats.h"

#include <atomic>
#include <utility>

namespace entrepot::admin {

// Counted behind the serving: it takes longer the more is held.
struct Admin::HeldAtStart {
  std::atomic<uint64_t> blobs{0};
  std::atomic<uint64_t> bytes{0};
};

Admin::Admin(Options options, Services services)
    : options_(std::move(options)), services_(services), held_(std::make_shared<HeldAtStart>()) {}
Admin::~Admin() = default;

void Admin::count_held() {
  // The snapshot is taken here, before anything new is stored: what comes later is in the statistics.
  auto count = services_.catalog.blob_counter();
  services_.disk.post([count = std::move(count), held = held_]() mutable {
    const auto totals = count();
    if (!totals) {
      log_warn("the blobs that are held could not be counted", {{"error", totals.error().message}});
      return;
    }
    held->blobs = totals->blobs;
    held->bytes = totals->bytes;
  });
}

Task<> Admin::handle(const serve::Request& request, serve::Response& response) {
  serve::Head head;
  head.headers.emplace_back("Content-Type", oci::media_type::kJson);
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Content-Type-Options", "nosniff");
  const auto path = std::string_view(request.target).substr(0, request.target.find('?'));
  std::string body;
  if (!host_allowed(request.header("host"), options_.names)) {
    head.status = 403;
    body = oci::error_body("DENIED", "Host names none of this address's names: use the address itself, or add the name to http.debug.names");
  } else if (request.method != "GET" && request.method != "HEAD") {
    head.status = 405;
    head.headers.emplace_back("Allow", "GET, HEAD");
    body = oci::error_body("UNSUPPORTED", "GET and HEAD only");
  } else if (path == "/stats") {
    const Held held{held_->blobs + services_.statistics.blobs_stored.value(), held_->bytes + services_.statistics.blob_bytes_stored.value()};
    body = render_stats(services_, held, std::chrono::steady_clock::now() - started_);
  } else if (path == "/healthz") {
    body = "{\"status\":\"ok\"}\n";
  } else {
    head.status = 404;
    body = oci::error_body("NAME_UNKNOWN", "there is nothing at this path: try /stats or /healthz");
  }
  co_await response.send(std::move(head), std::move(body));
}

}  // namespace entrepot::admin
