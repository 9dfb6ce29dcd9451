#include "errors.h"

namespace entrepot::api {
namespace {

std::string_view unknown(Subject subject) {
  switch (subject) {
    case Subject::kBlob: return "BLOB_UNKNOWN";
    case Subject::kManifest: return "MANIFEST_UNKNOWN";
    case Subject::kRepository: return "NAME_UNKNOWN";
  }
  return "UNKNOWN";
}

}  // namespace

HttpError http_error(Error::Code code, Subject subject) {
  switch (code) {
    case Error::Code::kNotFound: return {404, unknown(subject)};
    case Error::Code::kInvalid: return {400, "UNSUPPORTED"};
    case Error::Code::kUnsupported: return {405, "UNSUPPORTED"};
    // Upstream refused this mirror's credentials: nothing that the client could log in to here.
    case Error::Code::kUnauthorized:
    case Error::Code::kDenied: return {403, "DENIED"};
    case Error::Code::kRateLimited: return {429, "TOOMANYREQUESTS"};
    case Error::Code::kUpstreamTimeout: return {504, "UNAVAILABLE"};
    case Error::Code::kDigestMismatch:
    case Error::Code::kUpstreamDown:
    case Error::Code::kUpstreamError:
    case Error::Code::kUpstreamInvalid:
    case Error::Code::kTooLarge: return {502, "UNAVAILABLE"};
    case Error::Code::kOverloaded:
    case Error::Code::kNoSpace:
    case Error::Code::kStopping: return {503, "UNAVAILABLE"};
    case Error::Code::kIo:
    case Error::Code::kNotInMemory:
    case Error::Code::kInternal: return {500, "UNKNOWN"};
  }
  return {500, "UNKNOWN"};
}

HttpError http_error(oci::RouteError error) {
  switch (error) {
    case oci::RouteError::kNoSuchPath: return {404, "NAME_UNKNOWN"};
    case oci::RouteError::kNameInvalid: return {400, "NAME_INVALID"};
    case oci::RouteError::kDigestInvalid: return {400, "DIGEST_INVALID"};
    // A tag that cannot exist does not exist: the OCI conformance tests want 404.
    case oci::RouteError::kTagInvalid: return {404, "MANIFEST_UNKNOWN"};
    case oci::RouteError::kQueryInvalid: return {400, "UNSUPPORTED"};
  }
  return {500, "UNKNOWN"};
}

std::string_view describe(oci::RouteError error) {
  switch (error) {
    case oci::RouteError::kNoSuchPath: return "there is nothing at this path";
    case oci::RouteError::kNameInvalid:
      return "the repository name is not valid (lower-case words, separated by / . _ or -, 255 characters at most)";
    case oci::RouteError::kDigestInvalid:
      return "the digest is not valid (sha256: and 64, or sha512: and 128 lower-case hexadecimal digits)";
    case oci::RouteError::kTagInvalid: return "there is no such tag (letters, digits, _ . -, 128 characters at most)";
    case oci::RouteError::kQueryInvalid: return "a query parameter is given twice or badly encoded";
  }
  return "the request cannot be understood";
}

}  // namespace entrepot::api
