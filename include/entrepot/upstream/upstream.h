// Speaks to one registry as its client: paths, credentials, tokens, retries.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/counters.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"
#include "entrepot/fetch/client.h"
#include "entrepot/oci/digest.h"
#include "entrepot/oci/reference.h"
#include "entrepot/upstream/options.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace entrepot::upstream {

class TokenSource;

struct ManifestHead {
  std::optional<oci::Digest> digest;  // Docker-Content-Digest, if it came and is one
  std::optional<uint64_t> size;
  std::string media_type;  // without parameters; empty if upstream named none
};

struct ManifestBody {
  ManifestHead head;
  std::string bytes;  // not verified: that is the caller's
};

struct TagsPage {
  std::vector<std::string> tags;
  bool more = false;  // upstream has a next page
};

// Thread-safe; every method runs on the caller's worker. Each one authenticates as the registry
// asks (Basic or Bearer; a token is fetched once for all who wait and kept until shortly before it
// ends) and tries again what may pass (no connection, broken off, 5xx but 501), with back-off.
//
// Errors, each naming the upstream, the repository and what it answered: kNotFound (404),
// kUnauthorized (401), kDenied (403), kRateLimited (429), kUpstreamError (5xx), kUpstreamDown,
// kUpstreamTimeout, kUpstreamInvalid (any other status, no HTTP, broken JSON), kTooLarge.
class Upstream {
 public:
  Upstream(Options options, fetch::Client& client, const Clock& clock);
  ~Upstream();

  const std::string& name() const { return options_.name; }
  const std::string& remote_url() const { return options_.remote_url; }

  // HEAD; a registry that answers 405 is asked by GET.
  Task<Result<ManifestHead>> head_manifest(oci::RepositoryName repository, oci::Reference reference);
  Task<Result<ManifestBody>> get_manifest(oci::RepositoryName repository, oci::Reference reference);
  // The blob's length, if upstream tells it.
  Task<Result<std::optional<uint64_t>>> head_blob(oci::RepositoryName repository, oci::Digest digest);
  // The tags behind `last` (empty: from the start), at most `n` (0: all of upstream's own page).
  // Only tags that are well formed come back.
  Task<Result<TagsPage>> list_tags(oci::RepositoryName repository, std::string last, size_t n);

  // One attempt to transfer a blob from byte `from` into `sink`: on_head comes only for 200 and
  // 206, on_done exactly once in any case (on a fetch loop's thread, or on the caller's if the head
  // was not let through). A 206 that begins elsewhere than at `from` is kUpstreamInvalid. Resumes when the transfer has ended, with its result;
  // an answer that is not 200 or 206 is the error of its status, and 416 is kUpstreamInvalid.
  Task<Result<void>> get_blob(oci::RepositoryName repository, oci::Digest digest, uint64_t from,
                              std::shared_ptr<fetch::ResponseSink> sink);

  // How often upstream answered with each status so far; 0 counts requests without an answer.
  std::map<int, uint64_t> requests_by_status() const;

 private:
  struct Impl;
  Options options_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace entrepot::upstream
