// The registry's error JSON. OCI distribution-spec, "Error Codes".
#pragma once

#include <string>
#include <string_view>

namespace entrepot::oci {

// {"errors":[{"code":CODE,"message":MESSAGE,"detail":DETAIL}]}; `detail` is text and left out if empty.
std::string error_body(std::string_view code, std::string_view message, std::string_view detail = {});

// The first error's "CODE: message" in a body that upstream sent, cut to 300 characters; empty if
// it is not the registry's JSON.
std::string describe_error_body(std::string_view body);

}  // namespace entrepot::oci
