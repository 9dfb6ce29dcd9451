#include "manifest_fetch.h"

#include "catalog_read.h"
#include "entrepot/base/log.h"
#include "entrepot/oci/manifest.h"
#include "entrepot/oci/media_type.h"

#include <utility>

namespace entrepot::pull {
namespace {

std::string named(const Registry& registry, const oci::RepositoryName& repository, const oci::Reference& reference) {
  const bool tag = std::holds_alternative<oci::Tag>(reference);
  return registry.name + "/" + repository.str() + (tag ? ":" : "@") + oci::to_string(reference);
}

// A name that upstream does not know is everyday; all else is for the operator to see.
void log_failure(const Registry& registry, const oci::RepositoryName& repository, const oci::Reference& reference, const Error& error) {
  const auto log = error.code == Error::Code::kNotFound ? log_info : log_warn;
  log("a manifest cannot be had from upstream", {{"upstream", registry.name},
                                                  {"repository", repository.str()},
                                                  {"reference", oci::to_string(reference)},
                                                  {"kind", to_string(error.code)},
                                                  {"error", error.message}});
}

// The record of an answer whose bytes are what `reference` asked for.
Result<FetchedManifest> verified(const Registry& registry, const oci::RepositoryName& repository, const oci::Reference& reference,
                                 upstream::ManifestBody body, WallTime now) {
  const auto* asked = std::get_if<oci::Digest>(&reference);
  const auto mismatch = [&](const oci::Digest& digest) {
    return Error{Error::Code::kDigestMismatch, "upstream's bytes for " + named(registry, repository, reference) + " have the digest " + digest.to_string()};
  };
  const auto parsed = oci::parse_manifest(body.bytes, body.head.media_type);
  if (!parsed) {
    // Bytes that were damaged on the way are rarely JSON: say the better reason.
    const auto digest = oci::Digest::of(asked != nullptr ? asked->algorithm() : HashAlgorithm::kSha256, bytes_of(body.bytes));
    if (asked != nullptr && digest != *asked) return mismatch(digest);
    return Error{Error::Code::kUpstreamInvalid, "upstream sent no manifest for " + named(registry, repository, reference) + ": " + parsed.error().message};
  }
  const auto algorithm = asked != nullptr ? asked->algorithm() : HashAlgorithm::kSha256;
  const auto digest = oci::manifest_digest(body.bytes, parsed->media_type, algorithm);
  if (!digest) return Error{Error::Code::kUpstreamInvalid, "upstream's " + named(registry, repository, reference) + ": " + digest.error().message};
  if (asked != nullptr && *digest != *asked) return mismatch(*digest);
  auto record = std::make_shared<const store::ManifestRecord>(store::ManifestRecord{parsed->media_type, now, std::move(body.bytes)});
  return FetchedManifest{*digest, std::move(record)};
}

}  // namespace

Task<Result<FetchedManifest>> ManifestFetch::get(Registry registry, oci::RepositoryName repository, oci::Reference reference) {
  auto body = co_await registry.upstream->get_manifest(repository, reference);
  Result<FetchedManifest> fetched =
      body ? verified(registry, repository, reference, std::move(*body), clock_.now()) : Result<FetchedManifest>(body.error());
  if (!fetched) log_failure(registry, repository, reference, fetched.error());
  co_return fetched;
}

Task<Result<FetchedManifest>> ManifestFetch::by_digest(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
  oci::Reference reference = digest;
  CO_TRY_ASSIGN(auto fetched, co_await get(registry, repository, reference));
  co_return co_await store(registry, repository, std::nullopt, fetched);
}

Task<Result<FetchedManifest>> ManifestFetch::store(Registry registry, oci::RepositoryName repository, std::optional<oci::Tag> tag,
                                                   FetchedManifest fetched) {
  auto work = [this, registry, repository, tag, fetched]() -> Result<void> {
    TRY_ASSIGN(const auto parsed, oci::parse_manifest(fetched.record->bytes, fetched.record->media_type));
    store::Catalog::Batch batch;
    // Two bodies of signed schema 1 may share a digest: the first one stays.
    TRY_ASSIGN(const auto held, catalog_.manifest(fetched.digest, registry.name, store::Reach::kDisk));
    if (!held) batch.put_manifest(fetched.digest, registry.name, *fetched.record);
    batch.put_member(registry.name, repository, fetched.digest, {fetched.record->bytes.size()});
    for (const auto& child : parsed.manifests) batch.put_member(registry.name, repository, child.digest, {child.size});
    for (const auto& blob : parsed.blobs) batch.put_member(registry.name, repository, blob.digest, {blob.size});
    if (tag) batch.put_tag(registry.name, repository, *tag, {fetched.digest, clock_.now()});
    return catalog_.commit(std::move(batch), store::Catalog::Durability::kSynced);
  };
  CO_TRY(co_await disk_.run(std::move(work)));
  co_return fetched;
}

Task<Result<void>> ManifestFetch::note_tag(Registry registry, oci::RepositoryName repository, oci::Tag tag, oci::Digest digest) {
  auto work = [this, registry, repository, tag, digest]() -> Result<void> {
    store::Catalog::Batch batch;
    TRY_ASSIGN(const auto member, catalog_.member(registry.name, repository, digest, store::Reach::kDisk));
    if (!member) batch.put_member(registry.name, repository, digest, {});
    batch.put_tag(registry.name, repository, tag, {digest, clock_.now()});
    return catalog_.commit(std::move(batch), store::Catalog::Durability::kBuffered);
  };
  co_return co_await disk_.run(std::move(work));
}

Task<Result<TagMeaning>> ManifestFetch::by_tag(Registry registry, oci::RepositoryName repository, oci::Tag tag, bool fetch) {
  oci::Reference reference = tag;
  const auto answered = co_await registry.upstream->head_manifest(repository, reference);
  if (!answered) {
    log_failure(registry, repository, reference, answered.error());
    co_return answered.error();
  }
  const auto& head = *answered;
  if (!head.digest) {
    CO_TRY_ASSIGN(auto fetched, co_await get(registry, repository, reference));
    CO_TRY(co_await store(registry, repository, tag, fetched));
    co_return TagMeaning{fetched.digest, fetched.record->media_type, fetched.record->bytes.size(), fetched.record};
  }
  const oci::Digest digest = *head.digest;
  if (fetch) {
    auto read = [this, registry, digest](store::Reach reach) { return catalog_.manifest(digest, registry.name, reach); };
    CO_TRY_ASSIGN(const auto held, co_await read_catalog(disk_, std::move(read)));
    if (!held) {
      oci::Reference by_digest = digest;
      CO_TRY_ASSIGN(auto fetched, co_await get(registry, repository, by_digest));
      CO_TRY(co_await store(registry, repository, tag, fetched));
      co_return TagMeaning{digest, fetched.record->media_type, fetched.record->bytes.size(), fetched.record};
    }
  }
  CO_TRY(co_await note_tag(registry, repository, tag, digest));
  co_return TagMeaning{digest, head.media_type, head.size, nullptr};
}

}  // namespace entrepot::pull
