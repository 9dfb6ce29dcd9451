// What happened -> what HTTP says. The only such table.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/oci/route.h"

#include <string_view>

namespace entrepot::api {

// What a request was about: decides between BLOB_UNKNOWN and its sisters.
enum class Subject { kBlob, kManifest, kRepository };

struct HttpError {
  int status;
  std::string_view code;  // OCI distribution-spec, "Error Codes", and distribution's own
};

HttpError http_error(Error::Code code, Subject subject);
HttpError http_error(oci::RouteError error);
// A sentence for people that goes with a route error.
std::string_view describe(oci::RouteError error);

}  // namespace entrepot::api
