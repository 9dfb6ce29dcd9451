#include "entrepot/serve/request.h"

namespace entrepot::serve {

std::string_view Request::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return {};
}

}  // namespace entrepot::serve
