// One parsed request head.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace entrepot::serve {

struct Request {
  std::string method;  // as sent: methods are case-sensitive
  std::string target;  // as sent: path and query; of an absolute-form target, what is behind the authority
  int minor_version = 1;  // HTTP/1.0 or HTTP/1.1
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string remote;  // "192.0.2.1:40000"

  // The value of `name` (lower case); several lines are joined by ", ". Empty if there is none.
  std::string_view header(std::string_view name) const;
};

}  // namespace entrepot::serve
