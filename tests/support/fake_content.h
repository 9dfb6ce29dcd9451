// What the fake registry holds and how it answers when nothing goes wrong.
#pragma once

#include "support/http_socket.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace entrepot::support {

struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<const std::string> content = std::make_shared<const std::string>();
  uint64_t from = 0;  // the part of `content` that is the body
  uint64_t length = 0;

  static Reply text(int status, std::string_view content_type, std::string body);
  // The registry's error JSON.
  static Reply error(int status, std::string_view code, std::string_view message);
};

// A target's path and its decoded query.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
  static Target parse(std::string_view text);
};

// Repositories, blobs, manifests and tags. Thread-safe.
class FakeContent {
 public:
  // The JSON of POST /-/blobs, POST /-/manifests and DELETE /-/tags, and their answers.
  nlohmann::json add_blob(const nlohmann::json& wanted);
  nlohmann::json add_manifest(const nlohmann::json& wanted);
  void remove_tag(const nlohmann::json& wanted);

  // The answer to a GET or HEAD of /v2/... or /cdn/... .
  Reply answer(const HttpRequest& request, const Target& target, bool ignore_range);

 private:
  using Content = std::shared_ptr<const std::string>;
  struct Manifest {
    std::string media_type;
    Content body;
  };
  struct Repository {
    std::set<std::string> blobs;
    std::map<std::string, Manifest> manifests;
    std::map<std::string, std::string> tags;
  };

  Reply blob(const HttpRequest& request, const std::string& digest, const Content& content, bool ignore_range);
  Reply manifest(const Repository& repository, const std::string& reference);
  Reply tags(const Repository& repository, const std::string& name, const Target& target);

  // Guarded by mutex_:
  std::mutex mutex_;
  std::map<std::string, Repository> repositories_;
  std::map<std::string, Content> blobs_;
};

// Who may ask, by Basic or by tokens that the fake hands out itself. Thread-safe.
class FakeAuth {
 public:
  // The JSON of POST /-/auth.
  void configure(const nlohmann::json& wanted);
  void expire_all();

  // The refusal of a request without the right to `path`, if it has none.
  std::optional<Reply> refuse(const HttpRequest& request, std::string_view path, const std::string& self_url);
  // The answer of /token.
  Reply token(const HttpRequest& request, const Target& target);

 private:
  struct Token {
    std::string scope;
    std::chrono::steady_clock::time_point end;
  };
  bool basic_ok(const HttpRequest& request) const;

  // Guarded by mutex_:
  std::mutex mutex_;
  std::string type_ = "none";
  std::string username_;
  std::string password_;
  std::string realm_;
  int64_t expires_in_ = 300;
  bool omit_expiry_ = false;
  uint64_t handed_out_ = 0;
  std::map<std::string, Token> tokens_;
};

}  // namespace entrepot::support
