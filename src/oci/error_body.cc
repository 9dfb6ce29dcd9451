#include "entrepot/oci/error_body.h"

#include <nlohmann/json.hpp>

namespace entrepot::oci {

using nlohmann::json;

std::string error_body(std::string_view code, std::string_view message, std::string_view detail) {
  json error = {{"code", code}, {"message", message}};
  if (!detail.empty()) error["detail"] = detail;
  const json body = {{"errors", json::array({error})}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string describe_error_body(std::string_view body) {
  constexpr size_t kMost = 300;
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("errors")) return {};
  const json& errors = parsed["errors"];
  if (!errors.is_array() || errors.empty() || !errors[0].is_object()) return {};
  const auto text = [&](const char* key) {
    const auto it = errors[0].find(key);
    return it != errors[0].end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const std::string message = text("message");
  const std::string code = text("code");
  std::string described = message.empty() ? code : code + ": " + message;
  if (described.size() > kMost) described.resize(kMost);
  return described;
}

}  // namespace entrepot::oci
