// One function a route. Each sends exactly one answer.
#pragma once

#include "entrepot/api/api.h"
#include "entrepot/oci/route.h"
#include "errors.h"

#include <optional>
#include <string>
#include <string_view>

namespace entrepot::api {

// One request on its way to an answer. Lives on the stack of Api::handle.
struct Exchange {
  const serve::Request& request;
  serve::Response& response;
  Services& services;
  pull::Registry registry;
  oci::Query query;

  // Notes for the statistics and the access log.
  std::optional<pull::Origin> origin;  // content was answered
  std::optional<Error::Code> error;
  bool stale = false;

  bool is_head() const { return request.method == "HEAD"; }
};

Task<> serve_base(Exchange& exchange);
Task<> serve_catalog(Exchange& exchange);
Task<> serve_tags(Exchange& exchange, oci::TagsRoute route);
Task<> serve_manifest(Exchange& exchange, oci::ManifestRoute route);
Task<> serve_blob(Exchange& exchange, oci::BlobRoute route);
Task<> serve_referrers(Exchange& exchange, oci::ReferrersRoute route);

// --- Pieces of answers ---

// A head with what every answer carries.
serve::Head make_head(int status, std::string_view content_type);
Task<> send_error(Exchange& exchange, HttpError error, std::string message);
// The same for an error from below, which is noted.
Task<> send_error(Exchange& exchange, Error error, Subject subject);
// Cache-Status (RFC 9211) of content from `origin`.
std::string cache_status(pull::Origin origin);
// Warning: 299 (OCI distribution-spec, "Warnings") that says why stale content is served.
std::string stale_warning(const Error& reason);

}  // namespace entrepot::api
