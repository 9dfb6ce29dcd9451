// A ResponseSink that keeps what it is given and lets a test wait for it.
#pragma once

#include "entrepot/fetch/client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace entrepot::support {

// Thread-safe. Fails the test if the calls come in another order than the contract's.
class RecordingSink final : public fetch::ResponseSink {
 public:
  // Set before the transfer starts.
  uint64_t stop_at = UINT64_MAX;  // kStop once so many body bytes are there; 0: at the head
  std::function<void()> at_done;  // runs in on_done

  Verdict on_head(const fetch::ResponseHead& head) noexcept override {
    std::lock_guard lock(mutex_);
    EXPECT_FALSE(head_ || result_);
    head_ = head;
    changed_.notify_all();
    return stop_at == 0 ? Verdict::kStop : Verdict::kGoOn;
  }
  Verdict on_body(ByteSpan piece) noexcept override {
    std::lock_guard lock(mutex_);
    EXPECT_TRUE(head_ && !result_);
    body_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    changed_.notify_all();
    return body_.size() >= stop_at ? Verdict::kStop : Verdict::kGoOn;
  }
  void on_done(Result<void> result) noexcept override {
    if (at_done) at_done();
    std::lock_guard lock(mutex_);
    EXPECT_FALSE(result_);
    result_ = std::move(result);
    changed_.notify_all();
  }

  // Each waits until it is there; a test that waits for too long ends by ctest's time-out.
  fetch::ResponseHead wait_head() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return head_ || result_; });
    return head_.value_or(fetch::ResponseHead());
  }
  void wait_body(uint64_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return body_.size() >= size || result_; });
  }
  Result<void> wait_done() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return result_.has_value(); });
    return *result_;
  }
  bool has_head() {
    std::lock_guard lock(mutex_);
    return head_.has_value();
  }
  bool done() {
    std::lock_guard lock(mutex_);
    return result_.has_value();
  }
  std::string body() {
    std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  // Guarded by mutex_:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<fetch::ResponseHead> head_;
  std::string body_;
  std::optional<Result<void>> result_;
};

}  // namespace entrepot::support
