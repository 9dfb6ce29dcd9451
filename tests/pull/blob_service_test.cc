#include "pull_fixture.h"

#include <future>

namespace entrepot::pull {
namespace {

constexpr uint64_t kSize = 3'000'000;
const char* const kBlobs = "/blobs/";

using BlobServiceTest = PullTest;

Task<uint64_t> first_readable(BlobService* blobs, Registry registry, oci::RepositoryName repository, oci::Digest digest) {
  auto opened = co_await blobs->open(registry, repository, digest);
  const auto ready = co_await opened->readable(0);
  co_return *ready;
}

TEST_F(BlobServiceTest, TheFirstPullComesFromUpstreamAndEveryOtherFromDisk) {
  const auto d = fake_.add_blob("library/x", kSize);
  const auto first = pull(d);
  EXPECT_EQ(first.origin, Origin::kMiss);
  EXPECT_EQ(digest_of(first.bytes), d);
  const auto second = pull(d);
  EXPECT_EQ(second.origin, Origin::kHit);
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(asked("GET", kBlobs), 1u);
}

TEST_F(BlobServiceTest, ManyAtOnceMakeOneTransfer) {
  const auto d = fake_.add_blob("library/x", kSize);
  size_t missed = 0;
  for (const auto& one : pull_at_once(d, 32)) {
    EXPECT_FALSE(one.error);
    EXPECT_EQ(digest_of(one.bytes), d);
    missed += one.origin == Origin::kMiss;
  }
  EXPECT_EQ(missed, 1u);
  EXPECT_EQ(asked("GET", kBlobs), 1u);
  EXPECT_EQ(asked("HEAD", kBlobs), 0u);
}

TEST_F(BlobServiceTest, OneWrongByteAndNobodyGetsTheWholeAndNothingIsKept) {
  const auto d = fake_.add_blob("library/x", kSize);
  for (const uint64_t where : {uint64_t{0}, kSize / 2, kSize - 1}) {
    fake_.add_fault({{"path", kBlobs}, {"corrupt_at", where}, {"times", 1}});
    for (const auto& one : pull_at_once(d, 8)) {
      ASSERT_TRUE(one.error);
      EXPECT_EQ(one.error->code, Error::Code::kDigestMismatch);
      EXPECT_LT(one.bytes.size(), kSize);
    }
    EXPECT_FALSE(blob_file_exists(d));
    EXPECT_NE(::access(partial_path(d).c_str(), F_OK), 0);
    EXPECT_FALSE(*catalog_->blob(digest(d), "registry.test", store::Reach::kDisk));
  }
  EXPECT_EQ(digest_of(pull(d).bytes), d);
}

TEST_F(BlobServiceTest, ATransferThatBreaksGoesOnByRange) {
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_fault({{"path", kBlobs}, {"cut_after", 1'000'000}, {"times", 2}});
  EXPECT_EQ(digest_of(pull(d).bytes), d);
  const auto requests = fake_.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1]["headers"]["range"], "bytes=1000000-");
  EXPECT_EQ(requests[2]["headers"]["range"], "bytes=2000000-");
}

TEST_F(BlobServiceTest, AnUpstreamThatRefusesRangesSendsWhatIsMissingAllTheSame) {
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_fault({{"path", kBlobs}, {"cut_after", 1'000'000}, {"times", 1}});
  fake_.add_fault({{"path", kBlobs}, {"ignore_range", true}});
  EXPECT_EQ(digest_of(pull(d).bytes), d);
}

TEST_F(BlobServiceTest, AfterARestartTheDownloadGoesOnWhereItStopped) {
  options_.fill_attempts = 1;
  restart();
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_fault({{"path", kBlobs}, {"cut_after", 2'000'000}, {"times", 1}});
  EXPECT_EQ(pull(d).error->code, Error::Code::kUpstreamDown);
  restart();
  EXPECT_EQ(digest_of(pull(d).bytes), d);
  EXPECT_EQ(fake_.requests()[1]["headers"]["range"], "bytes=2000000-");
  EXPECT_EQ(statistics_.fills_resumed.value(), 1u);
}

TEST_F(BlobServiceTest, AWholePartialIsPublishedWithoutAskingUpstream) {
  const auto d = fake_.add_text_blob("library/x", "hello");
  auto partial = std::move(*store_->begin(digest(d)));
  ASSERT_TRUE(partial->append(bytes_of("hello")));
  partial.reset();
  EXPECT_EQ(pull(d).bytes, "hello");
  EXPECT_EQ(asked("GET", kBlobs), 0u);
}

TEST_F(BlobServiceTest, AWholePartialIsNoProofForARepositoryThatHasNotTheBlob) {
  const auto d = fake_.add_text_blob("library/x", "hello");
  auto partial = std::move(*store_->begin(digest(d)));
  ASSERT_TRUE(partial->append(bytes_of("hello")));
  partial.reset();
  EXPECT_EQ(pull(d, "library/other").error->code, Error::Code::kNotFound);
  EXPECT_EQ(pull(d, "library/other").error->code, Error::Code::kNotFound);
  EXPECT_EQ(pull(d).bytes, "hello");
}

TEST_F(BlobServiceTest, ARefusalDoesNotThrowAwayWhatAnotherRepositoryBrought) {
  const auto d = fake_.add_text_blob("library/x", "hello");
  auto partial = std::move(*store_->begin(digest(d)));
  ASSERT_TRUE(partial->append(bytes_of("hel")));
  partial.reset();
  EXPECT_EQ(pull(d, "library/other").error->code, Error::Code::kNotFound);
  EXPECT_EQ(pull(d).bytes, "hello");
  EXPECT_EQ(fake_.requests().back()["headers"]["range"], "bytes=3-");
}

TEST_F(BlobServiceTest, WhatAnEarlierProcessLeftCanBeReadBeforeMoreComes) {
  const auto d = fake_.add_text_blob("library/x", "hello");
  auto partial = std::move(*store_->begin(digest(d)));
  ASSERT_TRUE(partial->append(bytes_of("hel")));
  partial.reset();
  fake_.add_fault({{"path", kBlobs}, {"hold", "rest"}, {"hold_after", 0}});
  EXPECT_EQ(support::run_task(first_readable(blobs_.get(), registry(), repository(), digest(d))), 3u);
  fake_.release("rest");
  EXPECT_EQ(pull(d).bytes, "hello");
}

TEST_F(BlobServiceTest, APartialThatTurnsOutWrongIsThrownAwayAndTheNextStartsFromZero) {
  const auto d = fake_.add_text_blob("library/x", "hello");
  auto partial = std::move(*store_->begin(digest(d)));
  ASSERT_TRUE(partial->append(bytes_of("jel")));
  partial.reset();
  EXPECT_EQ(pull(d).error->code, Error::Code::kDigestMismatch);
  EXPECT_EQ(pull(d).bytes, "hello");
}

TEST_F(BlobServiceTest, APartialLongerThanTheBlobIsNoTrap) {
  const auto d = fake_.add_text_blob("library/x", "hello");
  auto partial = std::move(*store_->begin(digest(d)));
  ASSERT_TRUE(partial->append(bytes_of("hello and more")));
  partial.reset();
  EXPECT_TRUE(pull(d).error);
  EXPECT_EQ(pull(d).bytes, "hello");
}

TEST_F(BlobServiceTest, BodiesWithoutALengthArriveWhole) {
  for (const char* how : {"no_length", "chunked"}) {
    const auto d = fake_.add_blob("library/x", kSize, how[0]);
    fake_.add_fault({{"path", d}, {how, true}});
    EXPECT_EQ(digest_of(pull(d).bytes), d) << how;
  }
}

TEST_F(BlobServiceTest, ABodyThatBreaksOffBehindItsLastByteIsWhole) {
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_fault({{"path", kBlobs}, {"chunked", true}, {"stall_after", kSize}, {"times", 1}});
  EXPECT_EQ(digest_of(pull(d).bytes), d);
  EXPECT_EQ(pull(d).origin, Origin::kHit);
  EXPECT_EQ(asked("GET", kBlobs), 1u);
}

TEST_F(BlobServiceTest, AnEmptyBlobArrives) {
  const auto d = fake_.add_text_blob("library/x", "");
  const auto got = pull(d);
  EXPECT_FALSE(got.error);
  EXPECT_EQ(got.bytes, "");
  EXPECT_EQ(pull(d).origin, Origin::kHit);
}

TEST_F(BlobServiceTest, EvenTheEmptyBlobIsNotServedWhereUpstreamRefusesIt) {
  const auto d = fake_.add_text_blob("library/x", "");
  EXPECT_EQ(pull(d, "library/other").error->code, Error::Code::kNotFound);
}

TEST_F(BlobServiceTest, UpstreamsWrongLengthIsAnErrorAndNotAnEnd) {
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_fault({{"path", kBlobs}, {"wrong_length", kSize - 1}, {"times", 1}});
  const auto shorter = pull(d);
  ASSERT_TRUE(shorter.error);
  const auto next = pull(d);
  EXPECT_EQ(digest_of(next.bytes), d) << (next.error ? next.error->message : "");
}

struct StatusRow {
  int status;
  Error::Code code;
};

TEST_F(BlobServiceTest, UpstreamsAnswerIsToldAndTheNextRequestTriesAgain) {
  const auto d = fake_.add_blob("library/x", kSize);
  for (const auto& row : std::vector<StatusRow>{{404, Error::Code::kNotFound}, {403, Error::Code::kDenied}, {429, Error::Code::kRateLimited},
                                                {418, Error::Code::kUpstreamInvalid}}) {
    fake_.add_fault({{"path", kBlobs}, {"status", row.status}, {"times", 1}});
    const auto got = pull(d);
    ASSERT_TRUE(got.error) << row.status;
    EXPECT_EQ(got.error->code, row.code) << row.status;
    EXPECT_NE(got.error->message.find("registry.test"), std::string::npos) << got.error->message;
  }
  EXPECT_EQ(digest_of(pull(d).bytes), d);
}

TEST_F(BlobServiceTest, AHangingUpstreamIsATimeOutAndNotAHang) {
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_fault({{"path", kBlobs}, {"hang", true}, {"times", 1}});
  EXPECT_EQ(pull(d).error->code, Error::Code::kUpstreamTimeout);
  EXPECT_EQ(digest_of(pull(d).bytes), d);
}

TEST_F(BlobServiceTest, ABlobThatAnotherRepositoryBroughtCostsOneHead) {
  const auto d = fake_.add_blob("library/x", kSize);
  fake_.add_blob("library/y", kSize);
  pull(d);
  EXPECT_EQ(pull(d, "library/y").origin, Origin::kHit);
  EXPECT_EQ(pull(d, "library/y").origin, Origin::kHit);
  EXPECT_EQ(asked("GET", kBlobs), 1u);
  EXPECT_EQ(asked("HEAD", "/library/y/blobs/"), 1u);
}

TEST_F(BlobServiceTest, ABlobIsNotServedInARepositoryThatHasItNot) {
  const auto d = fake_.add_blob("library/x", kSize);
  pull(d);
  EXPECT_EQ(pull(d, "library/other").error->code, Error::Code::kNotFound);
  offline_ = true;
  EXPECT_EQ(pull(d, "library/other").error->code, Error::Code::kNotFound);
  EXPECT_EQ(pull(d).origin, Origin::kHit);
}

TEST_F(BlobServiceTest, ARowWithoutItsFileIsAMissAndIsHealed) {
  const auto d = fake_.add_blob("library/x", kSize);
  pull(d);
  const std::string hex = d.substr(7);
  ASSERT_EQ(::unlink((folder_.path() + "/blobs/sha256/" + hex.substr(0, 2) + "/" + hex).c_str()), 0);
  restart();
  EXPECT_EQ(pull(d).origin, Origin::kMiss);
  EXPECT_EQ(pull(d).origin, Origin::kHit);
}

TEST_F(BlobServiceTest, StatAsksUpstreamAndStartsNoFill) {
  const auto d = fake_.add_blob("library/x", kSize);
  const auto stat = support::run_task(blobs_->stat(registry(), repository(), digest(d)));
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->size, kSize);
  EXPECT_EQ(asked("GET", kBlobs), 0u);
  EXPECT_EQ(statistics_.fills.value(), 0u);
  pull(d);
  EXPECT_EQ(support::run_task(blobs_->stat(registry(), repository(), digest(d)))->origin, Origin::kHit);
  EXPECT_EQ(asked("HEAD", kBlobs), 1u);
}

TEST_F(BlobServiceTest, WithoutUpstreamWhatIsNotHeldIsNotFound) {
  const auto d = fake_.add_blob("library/x", kSize);
  offline_ = true;
  EXPECT_EQ(pull(d).error->code, Error::Code::kNotFound);
}

TEST_F(BlobServiceTest, TooManyFillsAtOnceAreRefusedAndTheRunningOnesAreNotDisturbed) {
  options_.max_fills = 1;
  restart();
  const auto slow = fake_.add_blob("library/x", kSize, 1);
  const auto other = fake_.add_blob("library/x", kSize, 2);
  fake_.add_fault({{"path", slow}, {"hold", "slow"}});
  auto running = std::async(std::launch::async, [&] { return pull(slow); });
  ASSERT_TRUE(fake_.wait_for(slow, 1));
  const auto refused = support::run_task(download(blobs_.get(), registry(), repository(), digest(other)));
  EXPECT_EQ(refused.error->code, Error::Code::kOverloaded);
  fake_.release("slow");
  EXPECT_EQ(digest_of(running.get().bytes), slow);
  EXPECT_EQ(digest_of(pull(other).bytes), other);
}

TEST_F(BlobServiceTest, AfterCloseNothingNewIsStarted) {
  const auto d = fake_.add_blob("library/x", kSize);
  blobs_->close();
  EXPECT_EQ(pull(d).error->code, Error::Code::kStopping);
  EXPECT_TRUE(blobs_->wait_idle(std::chrono::milliseconds(0)));
}

TEST_F(BlobServiceTest, ABlobOfSha512IsVerifiedAsSuch) {
  const auto made = fake_.control("POST", "/-/blobs", {{"repository", "library/x"}, {"content", "hello"}, {"algorithm", "sha512"}});
  const std::string d = made["digest"];
  EXPECT_EQ(pull(d).bytes, "hello");
  EXPECT_EQ(pull(d).origin, Origin::kHit);
}

}  // namespace
}  // namespace entrepot::pull
