#include "membership.h"

namespace entrepot::pull {

Task<Result<void>> Membership::prove(Registry registry, oci::RepositoryName repository, oci::Digest digest, Kind kind) {
  if (registry.upstream == nullptr) {
    co_return Error{Error::Code::kNotFound, digest.to_string() + " is not held for " + registry.name + "/" + repository.str()};
  }
  std::string key = registry.name + " " + repository.str() + " " + digest.to_string();
  auto work = [this, registry, repository, digest, kind] { return ask(registry, repository, digest, kind); };
  auto outcome = co_await flights_.run(std::move(key), std::move(work));
  if (!outcome.value) co_return outcome.value.error();
  co_return ok();
}

Task<Result<std::monostate>> Membership::ask(Registry registry, oci::RepositoryName repository, oci::Digest digest, Kind kind) {
  if (kind == Kind::kBlob) {
    auto answer = co_await registry.upstream->head_blob(repository, digest);
    if (!answer) co_return answer.error();
  } else {
    oci::Reference reference = digest;
    auto answer = co_await registry.upstream->head_manifest(repository, reference);
    if (!answer) co_return answer.error();
  }
  auto note = [this, registry, repository, digest] {
    store::Catalog::Batch batch;
    batch.put_member(registry.name, repository, digest, {});
    return catalog_.commit(std::move(batch), store::Catalog::Durability::kBuffered);
  };
  CO_TRY(co_await disk_.run(std::move(note)));
  co_return std::monostate();
}

}  // namespace entrepot::pull
