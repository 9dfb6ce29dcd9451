// A fill's life: look in the store once more -> open the partial -> transfer, resumed where it
// breaks -> prove -> publish. The table's entry is removed before failed readers wake, and after a
// blob is published, so that whoever asks finds the fill or the file.
#include "filler.h"

#include "entrepot/base/backoff.h"
#include "entrepot/base/log.h"
#include "fill_transfer.h"

#include <cstdlib>
#include <string>
#include <utility>

namespace entrepot::pull {
namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5'000};

// The source's own word: another source may fare better.
bool concerns_source(Error::Code code) {
  return code == Error::Code::kUnauthorized || code == Error::Code::kDenied || code == Error::Code::kNotFound ||
         code == Error::Code::kRateLimited;
}

// The bytes themselves are in doubt, or the disk that holds them: they are not worth keeping. A
// refusal says nothing about them, and must not let one repository throw away another's download.
bool spoils_partial(Error::Code code) {
  return code == Error::Code::kDigestMismatch || code == Error::Code::kUpstreamInvalid || code == Error::Code::kTooLarge ||
         code == Error::Code::kIo || code == Error::Code::kNoSpace;
}

bool may_pass(Error::Code code) {
  return code == Error::Code::kUpstreamDown || code == Error::Code::kUpstreamTimeout || code == Error::Code::kUpstreamError ||
         code == Error::Code::kRateLimited || code == Error::Code::kStopping || code == Error::Code::kInternal;
}

std::string subject_of(const FillSource& source, const oci::Digest& digest) {
  return source.registry.name + "/" + source.repository.str() + ": blob " + digest.to_string();
}

double jitter() { return static_cast<double>(std::rand()) / (static_cast<double>(RAND_MAX) + 1.0); }

}  // namespace

void Filler::start(std::shared_ptr<Fill> fill, Executor executor) {
  auto pass = gate_.enter();
  if (!pass) {
    table_.remove(fill->digest());
    fill->fail({Error::Code::kStopping, "the mirror is stopping"});
    return;
  }
  spawn_logged(executor, run(std::move(fill), std::move(pass)), "fill");
}

// Whatever happens, the entry goes and the readers wake.
Task<> Filler::run(std::shared_ptr<Fill> fill, Gate::Pass pass) {
  const Gate::Pass held = std::move(pass);
  const FillSource source = fill->current_source()->second;
  Error failure{Error::Code::kInternal, "unexpected failure"};
  try {
    co_await bring(fill);
    co_return;
  } catch (const std::exception& e) {
    failure.message += std::string(": ") + e.what();
  }
  give_up(*fill, source, failure);
}

Task<> Filler::bring(std::shared_ptr<Fill> fill) {
  const FillSource source = fill->current_source()->second;

  const auto stored = co_await serve_from_store(fill);
  if (stored && *stored) co_return;
  if (!stored) {
    give_up(*fill, source, stored.error());
    co_return;
  }
  statistics_.fills.add();
  const oci::Digest digest = fill->digest();
  auto open = [this, digest]() -> Result<std::shared_ptr<store::PartialFile>> {
    TRY_ASSIGN(auto file, blobs_.begin(digest));
    return std::shared_ptr<store::PartialFile>(std::move(file));
  };
  auto partial = co_await disk_.run(std::move(open));
  if (!partial) {
    give_up(*fill, source, partial.error());
    co_return;
  }
  fill->attach((*partial)->fd(), *partial);
  const auto downloaded = co_await download(fill, *partial);
  if (!downloaded) {
    if (spoils_partial(downloaded.error().code) || (*partial)->size() == 0) {
      auto discard = [file = *partial]() -> Result<void> {
        file->discard();
        return ok();
      };
      static_cast<void>(co_await disk_.run(std::move(discard)));
    }
    give_up(*fill, source, downloaded.error());
    co_return;
  }
  fill->prove((*partial)->size());
  co_await publish(fill, *partial, source);
  table_.remove(fill->digest());
}

// Between the asker's look into the store and its place in the table another fill may have ended.
Task<Result<bool>> Filler::serve_from_store(std::shared_ptr<Fill> fill) {
  const FillSource source = fill->current_source()->second;
  using Found = std::shared_ptr<const store::OpenBlob>;
  auto look = [this, source, digest = fill->digest()]() -> Result<Found> {
    TRY_ASSIGN(const auto row, catalog_.blob(digest, source.registry.name, store::Reach::kDisk));
    if (!row) return Found();
    auto blob = blobs_.open(digest, row->size);
    if (!blob) return Found();  // a row without its file is a miss; this fill heals it
    return *blob;
  };
  CO_TRY_ASSIGN(const Found found, co_await disk_.run(std::move(look)));
  if (!found) co_return false;
  CO_TRY(co_await check_right(source, fill->digest()));
  fill->attach(found->fd.get(), found);
  table_.remove(fill->digest());
  fill->prove(found->size);
  co_return true;
}

// Where upstream is not asked for the bytes, its answer is not there to prove the right to them.
Task<Result<void>> Filler::check_right(FillSource source, oci::Digest digest) {
  auto look = [this, source, digest] { return catalog_.member(source.registry.name, source.repository, digest, store::Reach::kDisk); };
  CO_TRY_ASSIGN(const auto member, co_await disk_.run(std::move(look)));
  if (!member) CO_TRY(co_await membership_.prove(source.registry, source.repository, digest, Membership::Kind::kBlob));
  co_return ok();
}

Task<Result<void>> Filler::download(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial) {
  const uint64_t kept = partial->size();
  if (kept > 0) {
    statistics_.fills_resumed.add();
    log_info("a fill goes on from its partial file", {{"digest", fill->digest().to_string()}, {"offset", kept}});
  }
  // A crash between the last byte and the publication leaves a whole partial.
  const bool whole = kept > 0 && oci::Digest::of(partial->hash()) == fill->digest();
  if (whole) {
    CO_TRY(co_await check_right(fill->current_source()->second, fill->digest()));
  } else {
    CO_TRY(co_await transfer(fill, partial));
  }
  const auto got = oci::Digest::of(partial->hash());
  if (got != fill->digest()) {
    const auto source = fill->current_source();
    co_return Error{Error::Code::kDigestMismatch, subject_of(source->second, fill->digest()) + ": the bytes have the digest " + got.to_string() +
                                                      (kept > 0 ? " (resumed: the next attempt starts from zero)" : "")};
  }
  co_return ok();
}

Task<Result<void>> Filler::transfer(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial) {
  for (int failures = 0;;) {
    const auto current = fill->current_source();
    const auto& [index, source] = *current;
    const uint64_t before = partial->size();
    const std::string subject = subject_of(source, fill->digest());
    auto sink = std::make_shared<FillTransfer>(fill, partial, disk_, options_.checkpoint_every, subject);
    auto result = co_await source.registry.upstream->get_blob(source.repository, fill->digest(), before, sink);
    if (sink->error()) co_return *sink->error();
    const auto size = fill->size();
    // A body may also break off behind its last byte: then there is nothing left to ask for.
    const bool answered = result || partial->size() > before;
    const bool all_there = size ? partial->size() == *size : result || oci::Digest::of(partial->hash()) == fill->digest();
    if (answered && all_there) co_return ok();
    const Error error = result ? Error{Error::Code::kUpstreamDown, subject + ": the answer ended the blob at byte " + std::to_string(partial->size()) +
                                                                       " of " + std::to_string(*size)}
                               : result.error();
    if (gate_.closed()) co_return Error{Error::Code::kStopping, "the mirror is stopping"};
    if (concerns_source(error.code)) {
      fill->fail_source(index, error);
      if (!fill->current_source()) co_return error;
      continue;
    }
    if (!may_pass(error.code)) co_return error;
    // Nobody has a head yet: a second wait as long as the first would outlast the clients' patience.
    if (error.code == Error::Code::kUpstreamTimeout && !fill->announced()) co_return error;
    failures = partial->size() > before ? 1 : failures + 1;
    if (failures >= options_.fill_attempts) co_return error;
    log_warn("a fill broke off and is tried again",
             {{"upstream", source.registry.name}, {"repository", source.repository.str()}, {"digest", fill->digest().to_string()},
              {"offset", partial->size()}, {"error", error.message}});
    if (partial->size() > 0) statistics_.fills_resumed.add();
    const auto pause = backoff_delay(failures, kFirstPause, kLongestPause, jitter());
    co_await sleep_for(static_cast<int>(pause.count()));
  }
}

Task<> Filler::publish(std::shared_ptr<Fill> fill, std::shared_ptr<store::PartialFile> partial, FillSource source) {
  auto sources = fill->good_sources();
  auto work = [this, fill, partial, source, sources]() -> Result<void> {
    TRY_ASSIGN(const auto blob, blobs_.publish(*partial));
    store::Catalog::Batch batch;
    // Bytes prove themselves to the upstream that sent them; the right to them is each source's own.
    batch.put_blob(fill->digest(), source.registry.name, {blob->size, clock_.now()});
    for (const auto& good : sources) {
      if (good.registry.name == source.registry.name) batch.put_member(good.registry.name, good.repository, fill->digest(), {blob->size});
    }
    return catalog_.commit(std::move(batch), store::Catalog::Durability::kSynced);
  };
  const auto published = co_await disk_.run(std::move(work));
  if (!published) {
    statistics_.count_error(published.error().code);
    log_error("a blob was served but could not be kept", {{"digest", fill->digest().to_string()}, {"error", published.error().message}});
    co_return;
  }
  statistics_.blobs_stored.add();
  statistics_.blob_bytes_stored.add(partial->size());
  const auto took = std::chrono::steady_clock::now() - fill->progress().started;
  log_info("a blob is stored", {{"upstream", source.registry.name}, {"repository", source.repository.str()},
                                {"digest", fill->digest().to_string()}, {"bytes", partial->size()},
                                {"seconds", std::chrono::duration<double>(took).count()}});
}

void Filler::give_up(Fill& fill, const FillSource& source, const Error& error) {
  const auto log = error.code == Error::Code::kNotFound ? log_info : log_warn;
  log("a fill failed", {{"upstream", source.registry.name}, {"repository", source.repository.str()},
                             {"digest", fill.digest().to_string()}, {"kind", to_string(error.code)}, {"error", error.message}});
  table_.remove(fill.digest());
  fill.fail(error);
}

}  // namespace entrepot::pull
