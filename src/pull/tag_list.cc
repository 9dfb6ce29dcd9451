#include "entrepot/pull/tag_list.h"

#include <limits>
#include <utility>

namespace entrepot::pull {
namespace {

// A list without `n` is gathered page by page; no repository is allowed to make that endless.
constexpr int kMaxPages = 100;
constexpr size_t kMaxTags = 100'000;

bool upstream_cannot_answer(Error::Code code) {
  return code != Error::Code::kNotFound && code != Error::Code::kUnauthorized && code != Error::Code::kDenied;
}

}  // namespace

Task<Result<TagListAnswer>> TagList::list(Registry registry, oci::RepositoryName repository, std::string last, std::optional<size_t> n) {
  Error reason{Error::Code::kUpstreamDown, "there is no upstream to ask"};
  if (registry.upstream != nullptr) {
    auto answer = co_await ask(registry, repository, last, n);
    if (answer || !upstream_cannot_answer(answer.error().code)) co_return answer;
    reason = answer.error();
  }
  const size_t most = n.value_or(std::numeric_limits<size_t>::max() - 1);
  auto read = [this, registry, repository, last, most] { return catalog_.tags(registry.name, repository, last, most + 1); };
  CO_TRY_ASSIGN(auto held, co_await disk_.run(std::move(read)));
  if (held.empty() && last.empty()) co_return reason;
  const bool more = held.size() > most;
  if (more) held.resize(most);
  co_return TagListAnswer{std::move(held), more, Origin::kHit, reason};
}

Task<Result<TagListAnswer>> TagList::ask(Registry registry, oci::RepositoryName repository, std::string last, std::optional<size_t> n) {
  TagListAnswer answer;
  for (int page = 0; page < kMaxPages; ++page) {
    const size_t wanted = n ? *n - answer.tags.size() : 0;
    CO_TRY_ASSIGN(auto got, co_await registry.upstream->list_tags(repository, last, wanted));
    answer.more = got.more;
    for (auto& tag : got.tags) {
      if (n && answer.tags.size() == *n) {  // an upstream that ignores `n`
        answer.more = true;
        break;
      }
      answer.tags.push_back(std::move(tag));
    }
    if (!answer.more || got.tags.empty() || answer.tags.size() >= kMaxTags || (n && answer.tags.size() >= *n)) break;
    last = answer.tags.back();
  }
  co_return answer;
}

}  // namespace entrepot::pull
