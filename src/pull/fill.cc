// Readers are woken by the piece and not by the packet: when kWakeBytes are there for them, or
// kWakeInterval has passed since the last wake-up; what is left over is flushed after that interval.
#include "fill.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <string>

namespace entrepot::pull {
namespace {

constexpr uint64_t kWakeBytes = 256 << 10;
constexpr std::chrono::milliseconds kWakeInterval{5};

bool same_source(const FillSource& a, const FillSource& b) {
  return a.registry.name == b.registry.name && a.repository == b.repository;
}

}  // namespace

Fill::Fill(const oci::Digest& digest, std::optional<uint64_t> expected, Executor executor)
    : digest_(digest), executor_(std::move(executor)), size_(expected) {}

Task<Result<void>> Fill::head(size_t index) {
  std::shared_ptr<Promise<Result<void>>> head;
  {
    std::lock_guard lock(mutex_);
    head = sources_[index].head;
  }
  return head->wait();
}

bool Fill::source_failed(size_t index) const {
  std::lock_guard lock(mutex_);
  return sources_[index].failed;
}

int Fill::fd() const {
  std::lock_guard lock(mutex_);
  return fd_;
}

std::optional<uint64_t> Fill::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

bool Fill::announced() const {
  std::lock_guard lock(mutex_);
  return announced_;
}

std::optional<Result<uint64_t>> Fill::answer(uint64_t from, uint64_t at_least) const {
  if (state_ == State::kFailed) return Result<uint64_t>(*error_);
  if (state_ == State::kProved) return Result<uint64_t>(from < written_ ? written_ - from : 0);
  const uint64_t seen = size_ ? std::min(*size_, written_) : written_;
  const uint64_t tail = size_.value_or(written_);  // the byte at tail - 1 is withheld
  const uint64_t limit = tail == 0 ? 0 : std::min(seen, tail - 1);
  if (limit < from + std::max<uint64_t>(at_least, 1)) {
    // What lies before the withheld byte is all there will be for now: do not hold it back for more.
    if (!(size_ && limit == tail - 1 && limit > from)) return std::nullopt;
  }
  return Result<uint64_t>(limit - from);
}

Task<Result<uint64_t>> Fill::readable(uint64_t from) {
  auto start = [this, from](auto handler) {
    const auto executor = boost::asio::get_associated_executor(handler);
    Waiter waiter{from, executor, std::move(handler)};
    std::vector<std::pair<Waiter, Result<uint64_t>>> due;
    {
      std::lock_guard lock(mutex_);
      auto now = answer(from, 1);
      if (!now) {
        waiters_.push_back(std::move(waiter));
        return;
      }
      due.emplace_back(std::move(waiter), std::move(*now));
    }
    resume(std::move(due));
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(Result<uint64_t>)>(std::move(start), use_task);
}

Task<Result<uint64_t>> Fill::proved() {
  uint64_t at = 0;
  for (;;) {
    auto more = co_await readable(at);
    if (!more) co_return more.error();
    if (*more == 0) co_return at;
    at += *more;
  }
}

size_t Fill::add_source(const FillSource& source) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (same_source(sources_[i].source, source)) return i;
  }
  auto head = std::make_shared<Promise<Result<void>>>();
  if (state_ == State::kFailed) head->set(*error_);
  else if (announced_) head->set(ok());
  sources_.push_back({source, head});
  return sources_.size() - 1;
}

bool Fill::has_source(const FillSource& source) const {
  std::lock_guard lock(mutex_);
  return std::any_of(sources_.begin(), sources_.end(), [&](const Source& s) { return same_source(s.source, source); });
}

std::optional<std::pair<size_t, FillSource>> Fill::current_source() const {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (!sources_[i].failed) return std::pair(i, sources_[i].source);
  }
  return std::nullopt;
}

std::vector<FillSource> Fill::good_sources() const {
  std::lock_guard lock(mutex_);
  std::vector<FillSource> good;
  for (const auto& source : sources_) {
    if (!source.failed) good.push_back(source.source);
  }
  return good;
}

void Fill::attach(int fd, std::shared_ptr<const void> owner) {
  std::lock_guard lock(mutex_);
  fd_ = fd;
  owner_ = std::move(owner);
}

std::vector<std::shared_ptr<Promise<Result<void>>>> Fill::heads() const {
  std::vector<std::shared_ptr<Promise<Result<void>>>> heads;
  for (const auto& source : sources_) heads.push_back(source.head);
  return heads;
}

Result<void> Fill::announce(std::optional<uint64_t> size) {
  std::vector<std::shared_ptr<Promise<Result<void>>>> waiting;
  {
    std::lock_guard lock(mutex_);
    if (size && size_ && *size != *size_) {
      return Error{Error::Code::kUpstreamInvalid, "upstream announces " + std::to_string(*size) + " bytes for " + digest_.to_string() +
                                                      ", which has " + std::to_string(*size_)};
    }
    if (size) size_ = size;
    // An empty blob has no byte to withhold: its head is.
    if (size_ == 0u || announced_) return ok();
    announced_ = true;
    waiting = heads();
  }
  for (auto& head : waiting) head->set(ok());
  return ok();
}

void Fill::grow(uint64_t written) {
  std::vector<std::pair<Waiter, Result<uint64_t>>> due;
  bool flush = false;
  {
    std::lock_guard lock(mutex_);
    written_ = written;
    if (waiters_.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    due = take_due(now - last_wake_ >= kWakeInterval ? 1 : kWakeBytes);
    if (!due.empty()) last_wake_ = now;
    flush = !waiters_.empty() && !flush_pending_;
    flush_pending_ = flush_pending_ || flush;
  }
  resume(std::move(due));
  if (flush) spawn_logged(executor_, flush_soon(shared_from_this()), "flush of a fill");
}

Task<> Fill::flush_soon(std::shared_ptr<Fill> fill) {
  co_await sleep_for(static_cast<int>(kWakeInterval.count()));
  std::vector<std::pair<Waiter, Result<uint64_t>>> due;
  {
    std::lock_guard lock(fill->mutex_);
    fill->flush_pending_ = false;
    due = fill->take_due(1);
    if (!due.empty()) fill->last_wake_ = std::chrono::steady_clock::now();
  }
  resume(std::move(due));
}

void Fill::prove(uint64_t size) {
  std::vector<std::shared_ptr<Promise<Result<void>>>> waiting;
  std::vector<std::pair<Waiter, Result<uint64_t>>> due;
  {
    std::lock_guard lock(mutex_);
    state_ = State::kProved;
    size_ = size;
    written_ = size;
    announced_ = true;
    waiting = heads();
    due = take_due(1);
  }
  for (auto& head : waiting) head->set(ok());
  resume(std::move(due));
}

void Fill::fail_source(size_t index, const Error& error) {
  std::shared_ptr<Promise<Result<void>>> head;
  {
    std::lock_guard lock(mutex_);
    sources_[index].failed = true;
    head = sources_[index].head;
  }
  head->set(error);
}

void Fill::fail(const Error& error) {
  std::vector<std::shared_ptr<Promise<Result<void>>>> waiting;
  std::vector<std::pair<Waiter, Result<uint64_t>>> due;
  {
    std::lock_guard lock(mutex_);
    state_ = State::kFailed;
    error_ = error;
    waiting = heads();
    due = take_due(1);
  }
  for (auto& head : waiting) head->set(error);
  resume(std::move(due));
}

std::vector<std::pair<Fill::Waiter, Result<uint64_t>>> Fill::take_due(uint64_t at_least) {
  std::vector<std::pair<Waiter, Result<uint64_t>>> due;
  std::vector<Waiter> left;
  for (auto& waiter : waiters_) {
    if (auto now = answer(waiter.from, at_least)) {
      due.emplace_back(std::move(waiter), std::move(*now));
    } else {
      left.push_back(std::move(waiter));
    }
  }
  waiters_ = std::move(left);
  return due;
}

void Fill::resume(std::vector<std::pair<Waiter, Result<uint64_t>>> due) {
  for (auto& [waiter, result] : due) {
    auto call = [handler = std::move(waiter.handler), result = std::move(result)]() mutable { std::move(handler)(std::move(result)); };
    boost::asio::post(waiter.executor, std::move(call));
  }
}

Fill::Progress Fill::progress() const {
  std::lock_guard lock(mutex_);
  return {written_, size_, waiters_.size(), started_};
}

}  // namespace entrepot::pull
