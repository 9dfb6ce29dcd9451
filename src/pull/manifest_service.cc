#include "entrepot/pull/manifest_service.h"

#include "catalog_read.h"
#include "entrepot/base/single_flight.h"
#include "manifest_fetch.h"
#include "membership.h"
#include "tag_policy.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace entrepot::pull {
namespace {

using Steady = std::chrono::steady_clock;

// A tag that was resolved to a digest, and how.
struct Resolved {
  TagMeaning meaning;
  WallTime confirmed;
  std::optional<Milliseconds> fresh_for;
  bool revalidated = false;
  bool joined = false;
  std::optional<Error> stale;
};

// Spread by name, so that tags that were seen together are not asked about together.
double jitter_of(const oci::RepositoryName& repository, const oci::Tag& tag) {
  const size_t code = std::hash<std::string>()(repository.str() + ":" + tag.str());
  return static_cast<double>(code % 1000) / 1000.0;
}

Error no_upstream(const Registry& registry, const oci::RepositoryName& repository, const oci::Reference& reference) {
  return {Error::Code::kNotFound, oci::to_string(reference) + " of " + registry.name + "/" + repository.str() +
                                      " is not held, and there is no upstream to ask"};
}

bool unreachable(Error::Code code) { return code == Error::Code::kUpstreamDown || code == Error::Code::kUpstreamTimeout; }

}  // namespace

struct ManifestService::Impl {
  Impl(const Options& options_in, store::Catalog& catalog_in, DiskPool& disk_in, const Clock& clock_in, Statistics& statistics_in)
      : options(options_in),
        catalog(catalog_in),
        disk(disk_in),
        clock(clock_in),
        statistics(statistics_in),
        fetch(catalog_in, disk_in, clock_in),
        membership(catalog_in, disk_in) {}

  // --- By digest ---

  struct Held {
    std::optional<store::ManifestRecord> record;
    bool member = false;
  };

  Task<Result<Held>> held(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
    auto read = [this, registry, repository, digest](store::Reach reach) -> Result<Held> {
      Held found;
      TRY_ASSIGN(found.record, catalog.manifest(digest, registry.name, reach));
      if (!found.record) return found;
      TRY_ASSIGN(const auto member, catalog.member(registry.name, repository, digest, reach));
      found.member = member.has_value();
      return found;
    };
    return read_catalog(disk, std::move(read));
  }

  // What is held and may be served in this repository.
  Task<Result<std::optional<ManifestAnswer>>> from_catalog(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
    CO_TRY_ASSIGN(auto found, co_await held(registry, repository, digest));
    if (!found.record) co_return std::optional<ManifestAnswer>();
    if (!found.member) CO_TRY(co_await membership.prove(registry, repository, digest, Membership::Kind::kManifest));
    auto& record = *found.record;
    ManifestAnswer answer{digest, std::move(record.media_type), record.bytes.size(), std::move(record.bytes), Origin::kHit, record.stored, {}, false, {}};
    co_return std::optional(std::move(answer));
  }

  Task<Result<ManifestAnswer>> get_by_digest(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
    CO_TRY_ASSIGN(auto found, co_await from_catalog(registry, repository, digest));
    if (found) co_return std::move(*found);
    if (registry.upstream == nullptr) co_return no_upstream(registry, repository, digest);
    std::string key = registry.name + " " + repository.str() + " " + digest.to_string();
    auto work = [this, registry, repository, digest] { return fetch.by_digest(registry, repository, digest); };
    auto outcome = co_await manifest_flights.run(std::move(key), std::move(work));
    if (!outcome.value) co_return outcome.value.error();
    const auto& record = *outcome.value->record;
    co_return ManifestAnswer{digest, record.media_type, record.bytes.size(), record.bytes,
                             outcome.joined ? Origin::kCoalesced : Origin::kMiss, record.stored, {}, false, {}};
  }

  Task<Result<ManifestAnswer>> head_by_digest(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
    CO_TRY_ASSIGN(auto found, co_await from_catalog(registry, repository, digest));
    if (found) co_return std::move(*found);
    if (registry.upstream == nullptr) co_return no_upstream(registry, repository, digest);
    oci::Reference reference = digest;
    CO_TRY_ASSIGN(const auto head, co_await registry.upstream->head_manifest(repository, reference));
    if (head.digest && *head.digest != digest) {
      co_return Error{Error::Code::kDigestMismatch, "upstream answered HEAD of " + digest.to_string() + " with the digest " + head.digest->to_string()};
    }
    co_return ManifestAnswer{digest, head.media_type, head.size, {}, Origin::kPassedThrough, clock.now(), {}, false, {}};
  }

  // --- By tag ---

  Task<Result<Resolved>> resolve(Registry registry, oci::RepositoryName repository, oci::Tag tag, bool want_manifest) {
    auto read = [this, registry, repository, tag](store::Reach reach) { return catalog.tag(registry.name, repository, tag, reach); };
    CO_TRY_ASSIGN(const auto record, co_await read_catalog(disk, std::move(read)));
    if (!record) co_return co_await ask(registry, repository, tag, want_manifest);
    const auto left = fresh_for(*record, clock.now(), options, jitter_of(repository, tag));
    if (left > Milliseconds(0)) co_return Resolved{{record->digest, {}, {}, nullptr}, record->checked, left, false, false, {}};
    co_return co_await revalidate(registry, repository, tag, *record);
  }

  // Nothing is known of the tag: upstream must say.
  Task<Result<Resolved>> ask(Registry registry, oci::RepositoryName repository, oci::Tag tag, bool want_manifest) {
    if (registry.upstream == nullptr) co_return no_upstream(registry, repository, tag);
    std::string key = registry.name + " " + repository.str() + ":" + tag.str() + (want_manifest ? " get" : " head");
    auto work = [this, registry, repository, tag, want_manifest] { return fetch.by_tag(registry, repository, tag, want_manifest); };
    auto outcome = co_await tag_flights.run(std::move(key), std::move(work));
    if (!outcome.value) co_return outcome.value.error();
    co_return Resolved{*outcome.value, clock.now(), options.freshness, true, outcome.joined, {}};
  }

  // Something is held: upstream is asked, but not waited for longer than a client will.
  Task<Result<Resolved>> revalidate(Registry registry, oci::RepositoryName repository, oci::Tag tag, store::TagRecord record) {
    Resolved stale{{record.digest, {}, {}, nullptr}, record.checked, Milliseconds(0), false, false, {}};
    if (registry.upstream == nullptr) {
      stale.stale = Error{Error::Code::kUpstreamDown, "there is no upstream to ask"};
      co_return stale;
    }
    if (Steady::now().time_since_epoch().count() < unreachable_until.load(std::memory_order_relaxed)) {
      stale.stale = Error{Error::Code::kUpstreamDown, "upstream " + registry.name + " could not be reached a moment ago"};
      co_return stale;
    }
    std::string key = registry.name + " " + repository.str() + ":" + tag.str() + " again";
    auto work = [this, registry, repository, tag] { return confirm(registry, repository, tag); };
    // Counted from the question, not from who waits for it: only the first to ask waits so long.
    const auto patience = std::max(Milliseconds(0), options.revalidate_timeout - tag_flights.age(key));
    auto outcome = co_await tag_flights.run_for(patience, std::move(key), std::move(work));
    if (outcome && outcome->value) co_return Resolved{*outcome->value, clock.now(), options.freshness, true, outcome->joined, {}};
    const Error error = outcome ? outcome->value.error()
                                : Error{Error::Code::kUpstreamTimeout, "upstream " + registry.name + " is slow to confirm the tag"};
    if (after_failure(error.code, record, clock.now(), options) == AfterFailure::kRefuse) co_return error;
    stale.stale = error;
    co_return stale;
  }

  Task<Result<TagMeaning>> confirm(Registry registry, oci::RepositoryName repository, oci::Tag tag) {
    statistics.revalidations.add();
    auto meaning = co_await fetch.by_tag(registry, repository, tag, true);
    if (meaning) unreachable_until.store(0, std::memory_order_relaxed);
    if (!meaning && unreachable(meaning.error().code)) pause_questions();
    co_return meaning;
  }

  void pause_questions() {
    const auto until = Steady::now() + options.unreachable_pause;
    unreachable_until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }

  static void note_resolution(ManifestAnswer& answer, const Resolved& resolved) {
    answer.confirmed = resolved.confirmed;
    answer.fresh_for = resolved.fresh_for;
    answer.revalidated = resolved.revalidated;
    answer.stale = resolved.stale;
  }

  Task<Result<ManifestAnswer>> get_by_tag(Registry registry, oci::RepositoryName repository, oci::Tag tag) {
    CO_TRY_ASSIGN(const auto resolved, co_await resolve(registry, repository, tag, true));
    if (const auto& record = resolved.meaning.record) {
      ManifestAnswer answer{resolved.meaning.digest, record->media_type, record->bytes.size(), record->bytes,
                            resolved.joined ? Origin::kCoalesced : Origin::kMiss, {}, {}, false, {}};
      note_resolution(answer, resolved);
      co_return answer;
    }
    auto answer = co_await get_by_digest(registry, repository, resolved.meaning.digest);
    if (answer) note_resolution(*answer, resolved);
    co_return answer;
  }

  Task<Result<ManifestAnswer>> head_by_tag(Registry registry, oci::RepositoryName repository, oci::Tag tag) {
    CO_TRY_ASSIGN(const auto resolved, co_await resolve(registry, repository, tag, false));
    CO_TRY_ASSIGN(auto found, co_await from_catalog(registry, repository, resolved.meaning.digest));
    if (!found && !resolved.meaning.media_type.empty()) {
      found = ManifestAnswer{resolved.meaning.digest, resolved.meaning.media_type, resolved.meaning.size, {}, Origin::kPassedThrough, {}, {}, false, {}};
    }
    if (!found) {
      CO_TRY_ASSIGN(found, co_await head_by_digest(registry, repository, resolved.meaning.digest));
    }
    note_resolution(*found, resolved);
    co_return std::move(*found);
  }

  const Options options;
  store::Catalog& catalog;
  DiskPool& disk;
  const Clock& clock;
  Statistics& statistics;
  ManifestFetch fetch;
  Membership membership;
  SingleFlight<std::string, FetchedManifest> manifest_flights;
  SingleFlight<std::string, TagMeaning> tag_flights;
  std::atomic<Steady::rep> unreachable_until{0};
};

ManifestService::ManifestService(const Options& options, store::Catalog& catalog, DiskPool& disk, const Clock& clock, Statistics& statistics)
    : impl_(std::make_unique<Impl>(options, catalog, disk, clock, statistics)) {}
ManifestService::~ManifestService() = default;

Task<Result<ManifestAnswer>> ManifestService::get(Registry registry, oci::RepositoryName repository, oci::Reference reference) {
  if (const auto* digest = std::get_if<oci::Digest>(&reference)) return impl_->get_by_digest(registry, repository, *digest);
  return impl_->get_by_tag(registry, repository, std::get<oci::Tag>(reference));
}

Task<Result<ManifestAnswer>> ManifestService::head(Registry registry, oci::RepositoryName repository, oci::Reference reference) {
  if (const auto* digest = std::get_if<oci::Digest>(&reference)) return impl_->head_by_digest(registry, repository, *digest);
  return impl_->head_by_tag(registry, repository, std::get<oci::Tag>(reference));
}

}  // namespace entrepot::pull
