// Why a request was not handled.
#pragma once

#include <string_view>

namespace entrepot::serve {

struct Refusal {
  int status = 0;           // 0: there is nobody to answer
  std::string_view reason;  // one sentence; a constant
};

}  // namespace entrepot::serve
