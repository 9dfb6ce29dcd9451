#include "entrepot/pull/blob_service.h"

#include "catalog_read.h"
#include "fill.h"
#include "fill_table.h"
#include "filler.h"
#include "membership.h"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace entrepot::pull {

int BlobReader::fd() const { return blob_ ? blob_->fd.get() : fill_->fd(); }

std::optional<uint64_t> BlobReader::size() const { return blob_ ? std::optional(blob_->size) : fill_->size(); }

Task<Result<uint64_t>> BlobReader::readable(uint64_t from) {
  if (!blob_) co_return co_await fill_->readable(from);
  co_return from < blob_->size ? blob_->size - from : 0;
}

Task<Result<uint64_t>> BlobReader::complete() {
  if (!blob_) co_return co_await fill_->proved();
  co_return blob_->size;
}

namespace {

bool is_refusal(Error::Code code) {
  return code == Error::Code::kNotFound || code == Error::Code::kDenied || code == Error::Code::kUnauthorized || code == Error::Code::kRateLimited;
}

// What the catalog says of a digest in a repository.
struct Facts {
  std::optional<store::BlobRecord> blob;
  std::optional<store::MemberRecord> member;
};

}  // namespace

struct BlobService::Impl {
  Impl(const Options& options, store::Catalog& catalog_in, store::BlobStore& blobs_in, DiskPool& disk_in, const Clock& clock,
       Statistics& statistics)
      : catalog(catalog_in),
        blobs(blobs_in),
        disk(disk_in),
        table(options.max_fills),
        membership(catalog_in, disk_in),
        filler(options, catalog_in, blobs_in, disk_in, clock, statistics, membership, table) {}

  Task<Result<Facts>> facts(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
    auto read = [this, registry, repository, digest](store::Reach reach) -> Result<Facts> {
      Facts facts;
      TRY_ASSIGN(facts.blob, catalog.blob(digest, registry.name, reach));
      TRY_ASSIGN(facts.member, catalog.member(registry.name, repository, digest, reach));
      return facts;
    };
    return read_catalog(disk, std::move(read));
  }

  // Opens a file that has a row; kNotFound if it is missing or has another length.
  Task<Result<std::shared_ptr<const store::OpenBlob>>> open_file(oci::Digest digest, uint64_t size) {
    if (auto blob = blobs.opened(digest); blob && blob->size == size) co_return blob;
    auto job = [this, digest, size] { return blobs.open(digest, size); };
    co_return co_await disk.run(std::move(job));
  }

  Task<Result<BlobReader>> fill(FillSource source, oci::Digest digest, std::optional<store::MemberRecord> member, bool may_retry = true) {
    if (source.registry.upstream == nullptr) {
      co_return Error{Error::Code::kNotFound, digest.to_string() + " is not held, and there is no upstream to ask"};
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto expected = member ? member->size : std::nullopt;
    auto joined = table.join_or_start(digest, source, member.has_value(), expected, executor);
    if (!joined && joined.error().code == Error::Code::kDenied) {
      CO_TRY(co_await membership.prove(source.registry, source.repository, digest, Membership::Kind::kBlob));
      joined = table.join_or_start(digest, source, true, expected, executor);
    }
    if (!joined) co_return joined.error();
    if (joined->started) filler.start(joined->fill, executor);
    const auto head = co_await joined->fill->head(joined->source);
    if (head) co_return BlobReader(joined->fill, joined->started ? Origin::kMiss : Origin::kCoalesced);
    // A fill that ended because of another source's refusal says nothing to this one: it starts its own.
    const bool others_refusal = !joined->started && is_refusal(head.error().code) && !joined->fill->source_failed(joined->source);
    if (!others_refusal || !may_retry) co_return head.error();
    co_return co_await fill(source, digest, member, false);
  }

  store::Catalog& catalog;
  store::BlobStore& blobs;
  DiskPool& disk;
  FillTable table;
  Membership membership;
  Filler filler;
};

BlobService::BlobService(const Options& options, store::Catalog& catalog, store::BlobStore& blobs, DiskPool& disk,
                         const Clock& clock, Statistics& statistics)
    : impl_(std::make_unique<Impl>(options, catalog, blobs, disk, clock, statistics)) {}
BlobService::~BlobService() = default;

Task<Result<BlobReader>> BlobService::open(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
  CO_TRY_ASSIGN(const auto facts, co_await impl_->facts(registry, repository, digest));
  if (facts.blob) {
    if (!facts.member) CO_TRY(co_await impl_->membership.prove(registry, repository, digest, Membership::Kind::kBlob));
    auto file = co_await impl_->open_file(digest, facts.blob->size);
    if (file) co_return BlobReader(*file);
    if (file.error().code != Error::Code::kNotFound) co_return file.error();
    // The row has lost its file: a miss, and the fill that follows heals it.
  }
  FillSource source{registry, repository};
  co_return co_await impl_->fill(std::move(source), digest, facts.member);
}

Task<Result<BlobStat>> BlobService::stat(Registry registry, oci::RepositoryName repository, oci::Digest digest) {
  CO_TRY_ASSIGN(const auto facts, co_await impl_->facts(registry, repository, digest));
  if (facts.blob) {
    if (!facts.member) CO_TRY(co_await impl_->membership.prove(registry, repository, digest, Membership::Kind::kBlob));
    const auto file = co_await impl_->open_file(digest, facts.blob->size);
    if (file) co_return BlobStat{facts.blob->size, Origin::kHit};
    if (file.error().code != Error::Code::kNotFound) co_return file.error();
  }
  if (registry.upstream == nullptr) {
    co_return Error{Error::Code::kNotFound, digest.to_string() + " is not held, and there is no upstream to ask"};
  }
  CO_TRY_ASSIGN(auto size, co_await registry.upstream->head_blob(repository, digest));
  if (!size && facts.member) size = facts.member->size;
  co_return BlobStat{size, Origin::kPassedThrough};
}

std::vector<FillReport> BlobService::fills() const {
  std::vector<FillReport> reports;
  for (const auto& fill : impl_->table.all()) {
    const auto source = fill->current_source();
    const auto progress = fill->progress();
    const auto running = std::chrono::steady_clock::now() - progress.started;
    reports.push_back({fill->digest(), source ? source->second.registry.name : "", source ? source->second.repository.str() : "",
                       progress.written, progress.size, progress.waiting, std::chrono::duration<double>(running).count()});
  }
  return reports;
}

void BlobService::close() { impl_->filler.close(); }
bool BlobService::wait_idle(std::chrono::milliseconds deadline) { return impl_->filler.wait_idle(deadline); }

}  // namespace entrepot::pull
