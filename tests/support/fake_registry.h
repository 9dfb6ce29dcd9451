// A registry that does what a test tells it to: content, faults, authentication, and a diary.
//
// The same thing is driven in two ways: by control() from a C++ test, and as JSON over HTTP under
// /-/ of its port (tests/support/fake_registry_main.cc) from the end-to-end tests.
//
//   POST   /-/blobs      {"repository","size","seed"} or {"repository","content"}; "algorithm": "sha512"
//                        -> {"digest","size"}
//   POST   /-/manifests  {"repository","tag"?,"media_type","body"}; "algorithm"; "digest" (a lie)
//                        -> {"digest","size"}
//   DELETE /-/tags       {"repository","tag"}
//   POST   /-/faults     a rule: "method", "path" (substring of the target), "times", "skip", and the
//                        fields of Behaviour (fault.h). The first live rule that matches applies.
//                        A rule with "hold" arms that name again.
//   DELETE /-/faults     forgets all rules; who is held stays held
//   POST   /-/release    {"hold": NAME}, or {} for all
//   POST   /-/auth       {"type": "none"|"basic"|"bearer","username","password","expires_in","realm"}
//   POST   /-/expire     no token handed out so far is good any longer
//   GET    /-/requests   [{"method","target","headers","status","body_sent","connection","body"?}]
//   DELETE /-/requests
//   GET    /-/stats      {"requests","body_sent"}
//
// A request that authentication refuses is answered 401 and uses up no fault. In "redirect",
// {self} is the fake's own URL and {digest} the last segment of the path asked for. Under /cdn/ the
// last segment is a digest, and everybody may have its blob.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace entrepot::support {

// Thread-safe. Serves from construction to destruction on 127.0.0.1.
class FakeRegistry {
 public:
  explicit FakeRegistry(uint16_t port = 0);  // 0: a free one
  ~FakeRegistry();                           // cuts all connections and joins their threads

  uint16_t port() const;
  std::string url() const;

  // What the control endpoints do. Throws if they would answer an error.
  nlohmann::json control(std::string_view method, std::string_view path, const nlohmann::json& body = nullptr);

  std::string add_blob(const std::string& repository, uint64_t size, uint64_t seed = 1);
  std::string add_text_blob(const std::string& repository, const std::string& content);
  // Returns the digest.
  std::string add_manifest(const std::string& repository, const std::string& tag, const std::string& media_type,
                           const std::string& body);
  void add_fault(const nlohmann::json& rule) { control("POST", "/-/faults", rule); }
  void set_auth(const nlohmann::json& auth) { control("POST", "/-/auth", auth); }
  void release(const std::string& hold) { control("POST", "/-/release", {{"hold", hold}}); }
  nlohmann::json requests() { return control("GET", "/-/requests"); }
  // How many requests came whose target has `path` in it.
  size_t count(std::string_view path, std::string_view method = {});
  // Waits until count(path) is at least `wanted`; false after `limit`.
  bool wait_for(std::string_view path, size_t wanted, std::chrono::seconds limit = std::chrono::seconds(20));

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace entrepot::support
