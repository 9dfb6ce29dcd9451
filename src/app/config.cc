// What can only be said of a configuration as a whole: keys that need each other, and what the upstream is called.
// The keys themselves are in config_schema.cc.
#include "entrepot/app/config.h"

#include "config_reader.h"
#include "entrepot/base/sizes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace entrepot::app {
namespace {

constexpr std::array<std::string_view, 3> kDockerHubNames = {"docker.io", "registry-1.docker.io", "index.docker.io"};
constexpr std::string_view kDockerHubUrl = "https://registry-1.docker.io";

bool is_docker_hub(std::string_view host) {
  return std::find(kDockerHubNames.begin(), kDockerHubNames.end(), host) != kDockerHubNames.end();
}

void append_new(std::vector<std::string>& list, std::string_view text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

// `remote_url` is as Value::read_url leaves it: the host in lower case, without the scheme's own port.
std::string registry_name(std::string_view remote_url) {
  const std::string_view rest = remote_url.substr(remote_url.find("://") + 3);
  const std::string_view host = rest.substr(0, rest.find('/'));
  return std::string(is_docker_hub(host) ? kDockerHubNames[0] : host);
}

void set_upstream(Config& config, upstream::Options options, const std::vector<std::string>& namespaces) {
  options.name = registry_name(options.remote_url);
  // Docker Hub has three names and is one registry: whoever answers to one of them answers to all.
  const bool hub = is_docker_hub(options.name) || std::any_of(namespaces.begin(), namespaces.end(), is_docker_hub);
  if (hub) config.namespaces.assign(kDockerHubNames.begin(), kDockerHubNames.end());
  for (const auto& name : namespaces) append_new(config.namespaces, name);
  config.upstream = std::move(options);
}

void check_together(const std::vector<FoundValue>& values, const Draft& draft, Problems& problems) {
  const auto find = [&](std::string_view path) -> const Value* {
    for (const auto& [entry, value] : values) {
      if (entry->path == path) return &value;
    }
    return nullptr;
  };
  // Something is written there, right or wrong.
  const auto given = [&](std::string_view path) {
    const Value* value = find(path);
    return (value != nullptr && !value->text().empty()) || problems.any_error_at(path);
  };

  if (!given("version")) problems.error(1, "version", "is missing; the file must hold 'version: 0.1'");

  const Value* username = find("proxy.username");
  const Value* password = find("proxy.password");
  const bool has_username = given("proxy.username");
  const bool has_password = given("proxy.password");
  if (username != nullptr && has_username && !has_password) username->wrong("needs proxy.password too");
  if (password != nullptr && has_password && !has_username) password->wrong("needs proxy.username too");
  if (username != nullptr && has_username && !given("proxy.remoteurl")) {
    username->warn("has no effect: there is no upstream without proxy.remoteurl");
  }

  const auto& http = draft.config.http;
  if (http.max_head < http.max_request_line) {
    const Value* limit = find("http.limits.head");
    if (limit == nullptr) limit = find("http.limits.requestline");
    limit->wrong("http.limits.head (" + format_size(http.max_head) + ") must be at least http.limits.requestline (" +
                 format_size(http.max_request_line) + ")");
  }
}

}  // namespace

Config built_in_config() {
  Config config;
  upstream::Options options;
  options.remote_url = kDockerHubUrl;
  set_upstream(config, std::move(options), {});
  return config;
}

LoadConfigResult load_config(std::string_view text, std::string_view file_name) {
  Problems problems(file_name);
  const auto parsed = parse_yaml(text);
  if (const auto* error = std::get_if<YamlError>(&parsed)) {
    problems.error(error->line, "", error->message);
    return problems.take_errors();
  }
  const YamlPointer root = std::get<YamlPointer>(parsed);
  if (root->kind != YamlNode::Kind::kMap && root->kind != YamlNode::Kind::kNull) {
    problems.error(root->line, "", "must be lines of KEY: VALUE");
    return problems.take_errors();
  }
  const auto values = read_values(*root, problems);
  Draft draft;
  for (const auto& [entry, value] : values) entry->key->set(value, draft);
  check_together(values, draft, problems);
  if (problems.any_error()) return problems.take_errors();

  if (!draft.upstream.remote_url.empty()) set_upstream(draft.config, std::move(draft.upstream), draft.namespaces);
  return LoadedConfig{std::move(draft.config), problems.take_warnings()};
}

LoadConfigResult load_config_file(const std::string& path) {
  errno = 0;  // a stream says that it failed; why, only the system call knows
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxYamlSize + 1, '\0');  // one more than is allowed, so that the excess is seen
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && !file.eof()) {
    return std::vector<ConfigProblem>{
        {path, 0, "", std::string("cannot be read: ") + std::strerror(errno != 0 ? errno : EIO)}};
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return load_config(text, path);
}

}  // namespace entrepot::app
