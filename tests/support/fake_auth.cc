#include "support/fake_content.h"

#include <openssl/evp.h>

namespace entrepot::support {
namespace {

using nlohmann::json;

std::string base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  return out;
}

std::string header(const HttpRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

// "repository:NAME:pull" for a path within a repository, empty for /v2/.
std::string scope_of(std::string_view path) {
  for (const std::string_view kind : {"/manifests/", "/blobs/", "/tags/", "/referrers/"}) {
    const size_t at = path.rfind(kind);
    if (at != std::string_view::npos && at > 4) return "repository:" + std::string(path.substr(4, at - 4)) + ":pull";
  }
  return {};
}

// One word of `scopes` is `wanted`, perhaps with further actions.
bool covers(const std::string& scopes, const std::string& wanted) {
  return wanted.empty() || (" " + scopes + " ").find(" " + wanted) != std::string::npos;
}

}  // namespace

void FakeAuth::configure(const json& wanted) {
  std::lock_guard lock(mutex_);
  type_ = wanted.value("type", "none");
  username_ = wanted.value("username", "");
  password_ = wanted.value("password", "");
  realm_ = wanted.value("realm", "");
  omit_expiry_ = !wanted.contains("expires_in");
  expires_in_ = wanted.value("expires_in", int64_t{300});
}

void FakeAuth::expire_all() {
  std::lock_guard lock(mutex_);
  tokens_.clear();
}

bool FakeAuth::basic_ok(const HttpRequest& request) const {
  return header(request, "authorization") == "Basic " + base64(username_ + ":" + password_);
}

std::optional<Reply> FakeAuth::refuse(const HttpRequest& request, std::string_view path, const std::string& self_url) {
  std::lock_guard lock(mutex_);
  if (type_ == "none" || !path.starts_with("/v2/")) return std::nullopt;
  Reply refusal = Reply::error(401, "UNAUTHORIZED", "authentication required");
  if (type_ == "basic") {
    if (basic_ok(request)) return std::nullopt;
    refusal.headers.emplace_back("WWW-Authenticate", "Basic realm=\"fake\"");
    return refusal;
  }
  const std::string scope = scope_of(path);
  const std::string authorization = header(request, "authorization");
  const auto token = tokens_.find(authorization.starts_with("Bearer ") ? authorization.substr(7) : std::string());
  const bool live = token != tokens_.end() && token->second.end > std::chrono::steady_clock::now();
  if (live && covers(token->second.scope, scope)) return std::nullopt;
  std::string challenge = "Bearer realm=\"" + (realm_.empty() ? self_url + "/token" : realm_) + "\",service=\"fake\"";
  if (!scope.empty()) challenge += ",scope=\"" + scope + "\"";
  if (!authorization.empty()) challenge += live ? ",error=\"insufficient_scope\"" : ",error=\"invalid_token\"";
  refusal.headers.emplace_back("WWW-Authenticate", std::move(challenge));
  return refusal;
}

Reply FakeAuth::token(const HttpRequest& request, const Target& target) {
  std::lock_guard lock(mutex_);
  if (!username_.empty() && !basic_ok(request)) {
    return Reply::text(401, "application/json", R"({"details":"incorrect username or password"})");
  }
  const std::string token = "fake-token-" + std::to_string(++handed_out_);
  const auto scope = target.query.find("scope");
  tokens_[token] = {scope == target.query.end() ? std::string() : scope->second,
                    std::chrono::steady_clock::now() + std::chrono::seconds(expires_in_)};
  json body = {{"token", token}, {"access_token", token}};
  if (!omit_expiry_) body["expires_in"] = expires_in_;
  return Reply::text(200, "application/json", body.dump());
}

}  // namespace entrepot::support
