#include "api/errors.h"

#include "api/handlers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace entrepot::api {
namespace {

struct Row {
  Error::Code code;
  Subject subject;
  int status;
  std::string_view name;
};

TEST(Errors, EveryKindHasItsStatusAndCode) {
  using Code = Error::Code;
  for (const auto& row : std::vector<Row>{
           {Code::kNotFound, Subject::kBlob, 404, "BLOB_UNKNOWN"},
           {Code::kNotFound, Subject::kManifest, 404, "MANIFEST_UNKNOWN"},
           {Code::kNotFound, Subject::kRepository, 404, "NAME_UNKNOWN"},
           {Code::kUnauthorized, Subject::kManifest, 403, "DENIED"},
           {Code::kDenied, Subject::kBlob, 403, "DENIED"},
           {Code::kRateLimited, Subject::kManifest, 429, "TOOMANYREQUESTS"},
           {Code::kUpstreamDown, Subject::kBlob, 502, "UNAVAILABLE"},
           {Code::kUpstreamTimeout, Subject::kBlob, 504, "UNAVAILABLE"},
           {Code::kUpstreamError, Subject::kBlob, 502, "UNAVAILABLE"},
           {Code::kUpstreamInvalid, Subject::kBlob, 502, "UNAVAILABLE"},
           {Code::kDigestMismatch, Subject::kBlob, 502, "UNAVAILABLE"},
           {Code::kTooLarge, Subject::kManifest, 502, "UNAVAILABLE"},
           {Code::kOverloaded, Subject::kBlob, 503, "UNAVAILABLE"},
           {Code::kNoSpace, Subject::kBlob, 503, "UNAVAILABLE"},
           {Code::kStopping, Subject::kBlob, 503, "UNAVAILABLE"},
           {Code::kIo, Subject::kBlob, 500, "UNKNOWN"},
           {Code::kInternal, Subject::kBlob, 500, "UNKNOWN"},
       }) {
    const auto answer = http_error(row.code, row.subject);
    EXPECT_EQ(answer.status, row.status) << to_string(row.code);
    EXPECT_EQ(answer.code, row.name) << to_string(row.code);
  }
}

TEST(Errors, AStaleWarningCannotBreakOutOfItsHeader) {
  const auto warning = stale_warning({Error::Code::kUpstreamDown, "a \"quote\"\r\nSet-Cookie: x\\" + std::string(5000, 'y')});
  EXPECT_EQ(warning.find_first_of("\r\n\\"), std::string::npos);
  EXPECT_TRUE(warning.starts_with("299 - \""));
  EXPECT_EQ(std::count(warning.begin(), warning.end(), '"'), 2);
  EXPECT_LT(warning.size(), 1000u);
}

}  // namespace
}  // namespace entrepot::api
