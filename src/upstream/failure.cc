#include "failure.h"

#include "entrepot/oci/error_body.h"

#include <string>
#include <utility>

namespace entrepot::upstream {
namespace {

Error::Code code_of(int status) {
  switch (status) {
    case 401: return Error::Code::kUnauthorized;
    case 403: return Error::Code::kDenied;
    case 404: return Error::Code::kNotFound;
    case 429: return Error::Code::kRateLimited;
    default: return status >= 500 && status < 600 ? Error::Code::kUpstreamError : Error::Code::kUpstreamInvalid;
  }
}

}  // namespace

Error status_error(std::string_view subject, int status, std::string_view body) {
  std::string message(subject);
  message += ": answered " + std::to_string(status);
  const std::string description = oci::describe_error_body(body);
  if (!description.empty()) message += " (" + description + ")";
  return {code_of(status), std::move(message)};
}

Error with_subject(std::string_view subject, Error error) {
  error.message.insert(0, std::string(subject) + ": ");
  return error;
}

bool may_pass(const Result<fetch::Response>& result) {
  if (result) return result->head.status >= 500 && result->head.status != 501;
  return result.error().code == Error::Code::kUpstreamDown || result.error().code == Error::Code::kUpstreamError;
}

}  // namespace entrepot::upstream
