#include "entrepot/base/result.h"

#include <cerrno>
#include <cstring>

namespace entrepot {

std::string_view to_string(Error::Code code) {
  switch (code) {
    case Error::Code::kNotFound: return "not_found";
    case Error::Code::kInvalid: return "invalid";
    case Error::Code::kUnsupported: return "unsupported";
    case Error::Code::kUnauthorized: return "unauthorized";
    case Error::Code::kDenied: return "denied";
    case Error::Code::kDigestMismatch: return "digest_mismatch";
    case Error::Code::kUpstreamDown: return "upstream_down";
    case Error::Code::kUpstreamTimeout: return "upstream_timeout";
    case Error::Code::kUpstreamError: return "upstream_error";
    case Error::Code::kUpstreamInvalid: return "upstream_invalid";
    case Error::Code::kRateLimited: return "rate_limited";
    case Error::Code::kTooLarge: return "too_large";
    case Error::Code::kOverloaded: return "overloaded";
    case Error::Code::kNoSpace: return "no_space";
    case Error::Code::kIo: return "io";
    case Error::Code::kNotInMemory: return "not_in_memory";
    case Error::Code::kStopping: return "stopping";
    case Error::Code::kInternal: return "internal";
  }
  return "unknown";
}

Error errno_error(std::string message) {
  const int error = errno;
  const auto code = error == ENOSPC || error == EDQUOT ? Error::Code::kNoSpace : Error::Code::kIo;
  return {code, message + ": " + std::strerror(error)};
}

}  // namespace entrepot
