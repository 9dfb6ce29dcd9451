// The JSON of a token service. distribution, docs/spec/auth/token.md.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/result.h"

#include <string>
#include <string_view>

namespace entrepot::upstream {

struct Token {
  std::string value;  // visible ASCII: fit for a header
  WallTime end;       // from here on it is not used any longer: some seconds before it ends
};

// `asked_at` is when the request went out. The service's own `issued_at` is not looked at: its clock
// may differ from ours, and a token that ends early is renewed on the 401.
Result<Token> parse_token(std::string_view body, WallTime asked_at);

}  // namespace entrepot::upstream
