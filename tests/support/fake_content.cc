#include "support/fake_content.h"

#include "entrepot/base/hash.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace entrepot::support {
namespace {

using nlohmann::json;

// splitmix64: fast, and the same everywhere.
std::string pseudo_random(uint64_t size, uint64_t seed) {
  std::string out(size, '\0');
  uint64_t state = seed;
  for (uint64_t at = 0; at < size; at += 8) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    std::memcpy(out.data() + at, &z, std::min<uint64_t>(8, size - at));
  }
  return out;
}

std::string digest_of(std::string_view bytes, const std::string& algorithm) {
  if (algorithm != "sha256" && algorithm != "sha512") throw std::runtime_error("no such algorithm: " + algorithm);
  const HashAlgorithm kind = algorithm == "sha256" ? HashAlgorithm::kSha256 : HashAlgorithm::kSha512;
  Hash hash(kind);
  hash.update(bytes_of(bytes));
  const HashValue value = hash.value();
  return algorithm + ":" + to_hex(std::span(value.data(), hash_size(kind)));
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

struct Range {
  uint64_t from;
  uint64_t length;
};

// Nothing: no single range, the whole. A length of 0: cannot be satisfied.
std::optional<Range> parse_range(const HttpRequest& request, uint64_t size) {
  const auto header = request.headers.find("range");
  if (header == request.headers.end() || !header->second.starts_with("bytes=")) return std::nullopt;
  const std::string spec = header->second.substr(6);
  const size_t dash = spec.find('-');
  if (dash == std::string::npos || spec.find(',') != std::string::npos) return std::nullopt;
  const std::string first = spec.substr(0, dash);
  const std::string last = spec.substr(dash + 1);
  if (first.empty()) {
    const uint64_t length = std::min<uint64_t>(size, std::strtoull(last.c_str(), nullptr, 10));
    return Range{size - length, length};
  }
  const uint64_t from = std::strtoull(first.c_str(), nullptr, 10);
  if (from >= size) return Range{0, 0};
  const uint64_t end = last.empty() ? size : std::min<uint64_t>(size, std::strtoull(last.c_str(), nullptr, 10) + 1);
  if (end <= from) return std::nullopt;
  return Range{from, end - from};
}

void set_range(Reply& reply, Range range, uint64_t size) {
  if (range.length == 0) {
    reply = Reply::error(416, "RANGE_INVALID", "invalid range");
    reply.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return;
  }
  reply.status = 206;
  reply.from = range.from;
  reply.length = range.length;
  reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.from) + "-" +
                                                  std::to_string(range.from + range.length - 1) + "/" +
                                                  std::to_string(size));
}

}  // namespace

Reply Reply::text(int status, std::string_view content_type, std::string body) {
  Reply reply;
  reply.status = status;
  reply.headers.emplace_back("Content-Type", content_type);
  reply.length = body.size();
  reply.content = std::make_shared<const std::string>(std::move(body));
  return reply;
}

Reply Reply::error(int status, std::string_view code, std::string_view message) {
  const json body = {{"errors", json::array({{{"code", code}, {"message", message}, {"detail", nullptr}}})}};
  return text(status, "application/json", body.dump());
}

Target Target::parse(std::string_view text) {
  Target target;
  const size_t mark = text.find('?');
  target.path = text.substr(0, mark);
  std::string_view query = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    std::string& value = target.query[percent_decode(pair.substr(0, equals))];
    if (!value.empty()) value += ' ';  // several scopes
    if (equals < pair.size()) value += percent_decode(pair.substr(equals + 1));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return target;
}

json FakeContent::add_blob(const json& wanted) {
  std::string bytes = wanted.contains("content")
                          ? wanted["content"].get<std::string>()
                          : pseudo_random(wanted.at("size").get<uint64_t>(), wanted.value("seed", uint64_t{0}));
  auto content = std::make_shared<const std::string>(std::move(bytes));
  const std::string digest = digest_of(*content, wanted.value("algorithm", "sha256"));
  const uint64_t size = content->size();
  std::lock_guard lock(mutex_);
  repositories_[wanted.at("repository").get<std::string>()].blobs.insert(digest);
  blobs_[digest] = std::move(content);
  return {{"digest", digest}, {"size", size}};
}

json FakeContent::add_manifest(const json& wanted) {
  auto body = std::make_shared<const std::string>(wanted.at("body").get<std::string>());
  const std::string digest = wanted.contains("digest") ? wanted["digest"].get<std::string>()
                                                       : digest_of(*body, wanted.value("algorithm", "sha256"));
  const uint64_t size = body->size();
  std::lock_guard lock(mutex_);
  Repository& repository = repositories_[wanted.at("repository").get<std::string>()];
  repository.manifests[digest] = {wanted.value("media_type", "application/vnd.oci.image.manifest.v1+json"),
                                  std::move(body)};
  if (wanted.contains("tag")) repository.tags[wanted["tag"].get<std::string>()] = digest;
  return {{"digest", digest}, {"size", size}};
}

void FakeContent::remove_tag(const json& wanted) {
  std::lock_guard lock(mutex_);
  repositories_[wanted.at("repository").get<std::string>()].tags.erase(wanted.at("tag").get<std::string>());
}

Reply FakeContent::answer(const HttpRequest& request, const Target& target, bool ignore_range) {
  const std::string& path = target.path;
  if (path == "/v2/" || path == "/v2") return Reply::text(200, "application/json", "{}");
  const size_t last_slash = path.rfind('/');
  const std::string last = path.substr(last_slash + 1);

  std::unique_lock lock(mutex_);
  if (path.starts_with("/cdn/")) {
    const auto found = blobs_.find(last);
    if (found == blobs_.end()) return Reply::error(404, "BLOB_UNKNOWN", "blob unknown to the fake CDN");
    const Content content = found->second;
    lock.unlock();
    return blob(request, last, content, ignore_range);
  }
  if (!path.starts_with("/v2/") || last_slash < 5) return Reply::error(404, "UNKNOWN", "no such path");
  const size_t kind_slash = path.rfind('/', last_slash - 1);
  if (kind_slash < 4) return Reply::error(404, "UNKNOWN", "no such path");
  const std::string kind = path.substr(kind_slash + 1, last_slash - kind_slash - 1);
  const std::string name = path.substr(4, kind_slash - 4);
  const auto repository = repositories_.find(name);
  if (repository == repositories_.end()) {
    const std::string_view code = kind == "manifests" ? "MANIFEST_UNKNOWN"
                                  : kind == "blobs"   ? "BLOB_UNKNOWN"
                                                      : "NAME_UNKNOWN";
    return Reply::error(404, code, "repository name not known to registry");
  }
  if (kind == "manifests") return manifest(repository->second, last);
  if (kind == "tags" && last == "list") return tags(repository->second, name, target);
  if (kind == "blobs" && repository->second.blobs.contains(last)) {
    const Content content = blobs_.at(last);
    lock.unlock();
    return blob(request, last, content, ignore_range);
  }
  if (kind == "blobs") return Reply::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
  return Reply::error(404, "UNKNOWN", "no such path");
}

Reply FakeContent::blob(const HttpRequest& request, const std::string& digest, const Content& content,
                        bool ignore_range) {
  Reply reply;
  reply.content = content;
  reply.length = content->size();
  const std::optional<Range> range = ignore_range ? std::nullopt : parse_range(request, content->size());
  if (range) set_range(reply, *range, content->size());
  if (reply.status == 416) return reply;
  reply.headers.emplace_back("Content-Type", "application/octet-stream");
  reply.headers.emplace_back("Docker-Content-Digest", digest);
  reply.headers.emplace_back("ETag", "\"" + digest + "\"");
  reply.headers.emplace_back("Accept-Ranges", "bytes");
  return reply;
}

Reply FakeContent::manifest(const Repository& repository, const std::string& reference) {
  const auto tag = repository.tags.find(reference);
  const std::string digest = tag == repository.tags.end() ? reference : tag->second;
  const auto found = repository.manifests.find(digest);
  if (found == repository.manifests.end()) return Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
  Reply reply;
  reply.content = found->second.body;
  reply.length = reply.content->size();
  reply.headers.emplace_back("Content-Type", found->second.media_type);
  reply.headers.emplace_back("Docker-Content-Digest", digest);
  reply.headers.emplace_back("ETag", "\"" + digest + "\"");
  return reply;
}

Reply FakeContent::tags(const Repository& repository, const std::string& name, const Target& target) {
  const auto n_query = target.query.find("n");
  const auto last_query = target.query.find("last");
  const size_t limit = n_query == target.query.end() ? SIZE_MAX : std::strtoull(n_query->second.c_str(), nullptr, 10);
  auto it =
      last_query == target.query.end() ? repository.tags.begin() : repository.tags.upper_bound(last_query->second);
  json names = json::array();
  for (; it != repository.tags.end() && names.size() < limit; ++it) names.push_back(it->first);
  const bool more = it != repository.tags.end() && limit > 0;
  Reply reply = Reply::text(200, "application/json", json{{"name", name}, {"tags", names}}.dump());
  if (more) {
    const std::string next =
        "/v2/" + name + "/tags/list?n=" + std::to_string(limit) + "&last=" + names.back().get<std::string>();
    reply.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  }
  return reply;
}

}  // namespace entrepot::support
