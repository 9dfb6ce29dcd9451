// A fill as its readers see it: what may be read when.
#include "pull/fill.h"

#include "support/run_task.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>

namespace entrepot::pull {
namespace {

class FillTest : public testing::Test {
 protected:
  std::shared_ptr<Fill> fill(std::optional<uint64_t> expected = {}) {
    auto made = std::make_shared<Fill>(oci::Digest::of(HashAlgorithm::kSha256, {}), expected, context_.get_executor());
    made->add_source(source("a"));
    return made;
  }
  static FillSource source(const char* name) { return {{"registry.test", nullptr}, *oci::RepositoryName::parse(name)}; }

  // What readable(from) answers right now; nothing if it waits.
  static Task<> note(std::shared_ptr<Fill> fill, uint64_t from, std::shared_ptr<std::optional<Result<uint64_t>>> answer) {
    *answer = co_await fill->readable(from);
  }
  std::shared_ptr<std::optional<Result<uint64_t>>> ask(std::shared_ptr<Fill> fill, uint64_t from) {
    auto answer = std::make_shared<std::optional<Result<uint64_t>>>();
    spawn_logged(context_.get_executor(), note(fill, from, answer), "reader");
    settle();
    return answer;
  }
  void settle() {
    context_.restart();
    context_.poll();
  }

  boost::asio::io_context context_{1};
};

TEST_F(FillTest, WithholdsTheBlobsLastByteUntilItIsProved) {
  const auto f = fill();
  ASSERT_TRUE(f->announce(100));
  f->grow(50);
  EXPECT_EQ(***ask(f, 0), 50u);
  f->grow(100);
  EXPECT_EQ(***ask(f, 0), 99u);
  EXPECT_EQ(***ask(f, 90), 9u);
  const auto last = ask(f, 99);
  EXPECT_FALSE(*last);
  f->prove(100);
  settle();
  EXPECT_EQ(***last, 1u);
  EXPECT_EQ(***ask(f, 100), 0u);
}

TEST_F(FillTest, WithoutALengthTheLastByteReceivedSoFarIsWithheld) {
  const auto f = fill();
  ASSERT_TRUE(f->announce(std::nullopt));
  f->grow(1);
  const auto first = ask(f, 0);
  EXPECT_FALSE(*first);
  f->grow(2);
  settle();
  EXPECT_EQ(***first, 1u);
  f->prove(2);
  EXPECT_EQ(***ask(f, 1), 1u);
  EXPECT_EQ(f->size(), 2u);
}

TEST_F(FillTest, AnEmptyBlobIsProvedBeforeItsHeadLeaves) {
  const auto f = fill();
  ASSERT_TRUE(f->announce(0));
  EXPECT_FALSE(f->announced());
  f->prove(0);
  EXPECT_TRUE(f->announced());
  EXPECT_EQ(***ask(f, 0), 0u);
}

TEST_F(FillTest, ALengthThatContradictsAManifestFailsAtTheHead) {
  const auto f = fill(100);
  EXPECT_TRUE(f->announce(std::nullopt));
  EXPECT_EQ(f->announce(99).error().code, Error::Code::kUpstreamInvalid);
  EXPECT_TRUE(f->announce(100));
}

TEST_F(FillTest, AFailureWakesEveryReaderWithItsReason) {
  const auto f = fill();
  ASSERT_TRUE(f->announce(100));
  const auto a = ask(f, 0);
  const auto b = ask(f, 50);
  f->fail({Error::Code::kDigestMismatch, "wrong"});
  settle();
  EXPECT_EQ((*a)->error().code, Error::Code::kDigestMismatch);
  EXPECT_EQ((*b)->error().code, Error::Code::kDigestMismatch);
  EXPECT_FALSE(**ask(f, 0));
}

Task<> note_head(std::shared_ptr<Fill> fill, size_t index, std::optional<Result<void>>* answer) { *answer = co_await fill->head(index); }

TEST_F(FillTest, ASourcesOwnErrorReachesOnlyThoseWhoCameByIt) {
  const auto f = fill();
  const size_t other = f->add_source(source("b"));
  EXPECT_EQ(f->add_source(source("b")), other);
  std::optional<Result<void>> a;
  std::optional<Result<void>> b;
  spawn_logged(context_.get_executor(), note_head(f, 0, &a), "a");
  spawn_logged(context_.get_executor(), note_head(f, other, &b), "b");
  f->fail_source(0, {Error::Code::kDenied, "no"});
  settle();
  EXPECT_EQ(a->error().code, Error::Code::kDenied);
  EXPECT_FALSE(b);
  EXPECT_EQ(f->current_source()->first, other);
  EXPECT_EQ(f->good_sources().size(), 1u);
  ASSERT_TRUE(f->announce(5));
  settle();
  EXPECT_TRUE(b->has_value());
}

Task<uint64_t> read_all(std::shared_ptr<Fill> fill) {
  uint64_t at = 0;
  for (;;) {
    const auto more = co_await fill->readable(at);
    if (!more || *more == 0) co_return at;
    at += *more;
  }
}

TEST_F(FillTest, ReadersOnSeveralThreadsAllReachTheEndWhileItGrows) {
  constexpr uint64_t kSize = 4 << 20;
  const auto f = fill();
  ASSERT_TRUE(f->announce(kSize));
  std::atomic<bool> stop = false;
  std::jthread context_thread([&] {
    while (!stop) {
      context_.restart();
      context_.run_for(std::chrono::milliseconds(1));
    }
  });
  std::jthread writer([&] {
    for (uint64_t written = 0; written < kSize;) f->grow(written += 4096);
    f->prove(kSize);
  });
  std::vector<Task<uint64_t>> readers;
  for (int i = 0; i < 32; ++i) readers.push_back(read_all(f));
  for (const uint64_t end : support::run_tasks(std::move(readers), 3)) EXPECT_EQ(end, kSize);
  stop = true;
}

}  // namespace
}  // namespace entrepot::pull
