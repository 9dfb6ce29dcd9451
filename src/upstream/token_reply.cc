#include "token_reply.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace entrepot::upstream {
namespace {

using std::chrono::seconds;

// What is missing or shorter counts as a minute, as for Docker's own clients.
constexpr seconds kLeast = seconds(60);
constexpr seconds kMost = std::chrono::hours(24);
// Used no longer so shortly before the end: the request is still under way then.
constexpr seconds kMargin = seconds(10);
constexpr size_t kMaxToken = 64 * 1024;

Error invalid(const char* reason) { return {Error::Code::kUpstreamInvalid, std::string("the token answer ") + reason}; }

std::string text_field(const nlohmann::json& reply, const char* name) {
  const auto found = reply.find(name);
  return found != reply.end() && found->is_string() ? found->get<std::string>() : std::string();
}

seconds lifetime(const nlohmann::json& reply) {
  const auto found = reply.find("expires_in");
  if (found == reply.end() || !found->is_number()) return kLeast;
  const double count = found->get<double>();  // any number fits, also one beyond all integers
  if (!(count > static_cast<double>(kLeast.count()))) return kLeast;
  return seconds(static_cast<int64_t>(std::min(count, static_cast<double>(kMost.count()))));
}

}  // namespace

Result<Token> parse_token(std::string_view body, WallTime asked_at) {
  const nlohmann::json reply = nlohmann::json::parse(body, nullptr, false);
  if (!reply.is_object()) return invalid("is not a JSON object");
  std::string value = text_field(reply, "token");
  if (value.empty()) value = text_field(reply, "access_token");
  if (value.empty()) return invalid("has no token");
  const bool visible = std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!visible || value.size() > kMaxToken) return invalid("has a token that cannot be sent");
  return Token{std::move(value), asked_at + lifetime(reply) - kMargin};
}

}  // namespace entrepot::upstream
