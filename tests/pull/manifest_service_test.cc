#include "pull_fixture.h"

#include "entrepot/oci/manifest.h"
#include "entrepot/oci/media_type.h"
#include "pull/tag_policy.h"

namespace entrepot::pull {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kType(oci::media_type::kOciManifest);

// --- The policy, as a table ---

store::TagRecord record_checked(WallTime when) { return {oci::Digest::of(HashAlgorithm::kSha256, {}), when}; }

TEST(TagPolicy, ATagIsFreshForItsPeriodLessTheJitter) {
  const Options options;
  const WallTime now(milliseconds(1'000'000));
  struct Row {
    milliseconds age;
    double jitter;
    bool fresh;
  };
  for (const auto& row : std::vector<Row>{{seconds(0), 0, true}, {seconds(59), 0, true}, {seconds(60), 0, false}, {seconds(53), 0.999, true},
                                          {seconds(55), 0.999, false}, {seconds(-1), 0, false}, {seconds(-3600), 0, false}}) {
    EXPECT_EQ(fresh_for(record_checked(now - row.age), now, options, row.jitter) > milliseconds(0), row.fresh) << row.age.count();
  }
}

TEST(TagPolicy, WhatAFailedRevalidationMeans) {
  const Options options;
  const WallTime now(milliseconds(1'000'000'000));
  struct Row {
    Error::Code code;
    seconds age;
    AfterFailure decision;
  };
  for (const auto& row : std::vector<Row>{{Error::Code::kUpstreamDown, seconds(1'000'000), AfterFailure::kServeStale},
                                          {Error::Code::kUpstreamTimeout, seconds(60), AfterFailure::kServeStale},
                                          {Error::Code::kUpstreamError, seconds(60), AfterFailure::kServeStale},
                                          {Error::Code::kUpstreamInvalid, seconds(60), AfterFailure::kServeStale},
                                          {Error::Code::kDigestMismatch, seconds(60), AfterFailure::kServeStale},
                                          {Error::Code::kRateLimited, seconds(60), AfterFailure::kServeStale},
                                          {Error::Code::kUnauthorized, seconds(60), AfterFailure::kRefuse},
                                          {Error::Code::kDenied, seconds(60), AfterFailure::kRefuse},
                                          {Error::Code::kNotFound, seconds(60), AfterFailure::kServeStale},
                                          {Error::Code::kNotFound, seconds(601), AfterFailure::kRefuse}}) {
    EXPECT_EQ(after_failure(row.code, record_checked(now - row.age), now, options), row.decision) << to_string(row.code);
  }
}

// --- The service ---

class ManifestServiceTest : public PullTest {
 protected:
  static std::string body(const std::string& word = "one") {
    return R"({ "schemaVersion": 2, "layers": [], "annotations": {"word": ")" + word + "\"}}\n";
  }
  void expire() { clock_.advance(seconds(61)); }
};

TEST_F(ManifestServiceTest, AHeldTagIsServedByteForByteWithoutAQuestion) {
  const auto d = fake_.add_manifest("library/x", "latest", kType, body());
  EXPECT_EQ(get(tag("latest"))->origin, Origin::kMiss);
  const size_t before = fake_.requests().size();
  const auto held = get(tag("latest"));
  EXPECT_EQ(held->bytes, body());
  EXPECT_EQ(held->media_type, kType);
  EXPECT_EQ(held->digest.to_string(), d);
  EXPECT_EQ(held->origin, Origin::kHit);
  EXPECT_EQ(get(digest(d))->bytes, body());
  EXPECT_EQ(fake_.requests().size(), before);
}

TEST_F(ManifestServiceTest, GetByTagIsNotSentUpstreamWhenHeadGivesADigest) {
  fake_.add_manifest("library/x", "latest", kType, body());
  ASSERT_TRUE(get(tag("latest")));
  EXPECT_EQ(asked("HEAD", "/manifests/latest"), 1u);
  EXPECT_EQ(asked("GET", "/manifests/latest"), 0u);
  EXPECT_EQ(asked("GET", "/manifests/sha256:"), 1u);
}

TEST_F(ManifestServiceTest, WithoutADigestFromHeadTheTagIsGot) {
  const auto d = fake_.add_manifest("library/x", "latest", kType, body());
  fake_.add_fault({{"method", "HEAD"}, {"headers", {{"Docker-Content-Digest", nullptr}}}});
  const auto got = get(tag("latest"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->digest.to_string(), d);
  EXPECT_EQ(asked("GET", "/manifests/latest"), 1u);
}

TEST_F(ManifestServiceTest, AnExpiredTagIsConfirmedByOneHeadForAllWhoAsk) {
  fake_.add_manifest("library/x", "latest", kType, body());
  ASSERT_TRUE(get(tag("latest")));
  expire();
  const size_t before = fake_.requests().size();
  std::vector<Task<Result<ManifestAnswer>>> tasks;
  for (int i = 0; i < 32; ++i) tasks.push_back(manifests_->get(registry(), repository(), tag("latest")));
  for (const auto& answer : support::run_tasks(std::move(tasks), 2)) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->origin, Origin::kHit);
  }
  EXPECT_EQ(fake_.requests().size(), before + 1);
  EXPECT_FALSE(get(tag("latest"))->revalidated);
}

TEST_F(ManifestServiceTest, AChangedTagIsFetchedByItsDigest) {
  fake_.add_manifest("library/x", "latest", kType, body("one"));
  ASSERT_TRUE(get(tag("latest")));
  const auto moved = fake_.add_manifest("library/x", "latest", kType, body("two"));
  EXPECT_EQ(get(tag("latest"))->bytes, body("one"));
  expire();
  const auto answer = get(tag("latest"));
  EXPECT_EQ(answer->bytes, body("two"));
  EXPECT_EQ(answer->digest.to_string(), moved);
  EXPECT_EQ(asked("GET", "/manifests/latest"), 0u);
}

TEST_F(ManifestServiceTest, WhatIsHeldIsServedStaleWhenUpstreamFails) {
  const auto d = fake_.add_manifest("library/x", "latest", kType, body());
  ASSERT_TRUE(get(tag("latest")));
  for (const nlohmann::json& fault : std::vector<nlohmann::json>{{{"status", 500}}, {{"status", 429}}, {{"drop", true}}, {{"garbage", "nonsense"}}}) {
    fake_.add_fault(fault);
    clock_.advance(seconds(61));
    restart();  // forgets the pause after an upstream that could not be reached
    const auto answer = get(tag("latest"));
    ASSERT_TRUE(answer) << fault << answer.error().message;
    EXPECT_EQ(answer->bytes, body());
    EXPECT_TRUE(answer->stale) << fault;
    EXPECT_EQ(get(digest(d))->bytes, body());
    fake_.control("DELETE", "/-/faults");
  }
  EXPECT_FALSE(get(tag("latest"))->stale) << "upstream is back";
}

TEST_F(ManifestServiceTest, ARegistrysRefusalIsARefusal) {
  fake_.add_manifest("library/x", "latest", kType, body());
  ASSERT_TRUE(get(tag("latest")));
  expire();
  fake_.add_fault({{"status", 403}});
  EXPECT_EQ(get(tag("latest")).error().code, Error::Code::kDenied);
}

TEST_F(ManifestServiceTest, ASlowUpstreamIsNotWaitedForWhenSomethingIsHeld) {
  options_.revalidate_timeout = milliseconds(50);
  restart();
  fake_.add_manifest("library/x", "latest", kType, body("one"));
  ASSERT_TRUE(get(tag("latest")));
  fake_.add_manifest("library/x", "latest", kType, body("two"));
  expire();
  fake_.add_fault({{"method", "HEAD"}, {"delay_ms", 500}, {"times", 1}});
  const auto stale = get(tag("latest"));
  EXPECT_EQ(stale->bytes, body("one"));
  EXPECT_EQ(stale->stale->code, Error::Code::kUpstreamTimeout);
  ASSERT_TRUE(fake_.wait_for("/manifests/sha256:", 2)) << "the question goes on behind";
  const auto gives_up = std::chrono::steady_clock::now() + seconds(20);
  while (get(tag("latest"))->bytes != body("two")) {
    ASSERT_LT(std::chrono::steady_clock::now(), gives_up);
    support::run_task(sleep_for(5));
  }
}

TEST_F(ManifestServiceTest, AfterAFailureToConnectHeldTagsDoNotWait) {
  fake_.add_manifest("library/x", "latest", kType, body());
  ASSERT_TRUE(get(tag("latest")));
  expire();
  fake_.add_fault({{"drop", true}});
  EXPECT_TRUE(get(tag("latest"))->stale);
  const size_t before = fake_.requests().size();
  EXPECT_TRUE(get(tag("latest"))->stale);
  EXPECT_EQ(fake_.requests().size(), before);
}

TEST_F(ManifestServiceTest, BytesThatAreNotWhatWasAskedForAreNeverServedNorKept) {
  const auto d = fake_.add_manifest("library/x", "latest", kType, body());
  fake_.add_fault({{"method", "GET"}, {"corrupt_at", 20}, {"times", 2}});
  EXPECT_EQ(get(digest(d)).error().code, Error::Code::kDigestMismatch);
  EXPECT_FALSE(get(tag("latest")));
  EXPECT_FALSE(*catalog_->manifest(digest(d), "registry.test", store::Reach::kDisk));
  EXPECT_EQ(get(digest(d))->bytes, body());
}

TEST_F(ManifestServiceTest, ADigestHeaderThatLiesIsFoundOut) {
  const std::string lie = "sha256:" + std::string(64, 'a');
  fake_.control("POST", "/-/manifests", {{"repository", "library/x"}, {"tag", "latest"}, {"media_type", kType}, {"body", body()}, {"digest", lie}});
  const auto answer = get(tag("latest"));
  ASSERT_FALSE(answer);
  EXPECT_FALSE(*catalog_->manifest(digest(lie), "registry.test", store::Reach::kDisk));
  EXPECT_FALSE(*catalog_->tag("registry.test", repository(), *oci::Tag::parse("latest"), store::Reach::kDisk));
}

TEST_F(ManifestServiceTest, WhatIsNoManifestIsRefusedWithTheReason) {
  for (const std::string& garbage : std::vector<std::string>{"<html>", "{}", "[]", R"({"layers":[{"digest":"sha256:../../x","size":1}]})"}) {
    const auto d = fake_.add_manifest("library/x", "", kType, garbage);
    const auto answer = get(digest(d));
    ASSERT_FALSE(answer) << garbage;
    EXPECT_EQ(answer.error().code, Error::Code::kUpstreamInvalid);
    EXPECT_NE(answer.error().message.find("library/x"), std::string::npos);
  }
}

TEST_F(ManifestServiceTest, AHugeManifestIsRefused) {
  const auto d = fake_.add_manifest("library/x", "", kType, "{" + std::string(oci::kMaxManifestSize, ' ') + "}");
  EXPECT_EQ(get(digest(d)).error().code, Error::Code::kTooLarge);
}

TEST_F(ManifestServiceTest, HeadOfWhatIsNotHeldFetchesNothingAndIsRemembered) {
  const auto d = fake_.add_manifest("library/x", "latest", kType, body());
  const auto answer = head(tag("latest"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->digest.to_string(), d);
  EXPECT_EQ(answer->size, body().size());
  EXPECT_EQ(answer->media_type, kType);
  EXPECT_EQ(asked("GET", "/manifests/"), 0u);
  ASSERT_TRUE(get(digest(d)));  // as containerd goes on
  offline_ = true;
  EXPECT_EQ(get(tag("latest"))->bytes, body()) << "held by tag, too";
}

TEST_F(ManifestServiceTest, AManifestMakesWhatItNamesMembersOfItsRepository) {
  const auto blob = fake_.add_text_blob("library/x", "layer");
  const std::string text = R"({"schemaVersion":2,"layers":[{"mediaType":"x","digest":")" + blob + R"(","size":5}]})";
  fake_.add_manifest("library/x", "latest", kType, text);
  ASSERT_TRUE(get(tag("latest")));
  EXPECT_EQ((*catalog_->member("registry.test", repository(), digest(blob), store::Reach::kDisk))->size, 5u);
  EXPECT_EQ(pull(blob).bytes, "layer");
}

TEST_F(ManifestServiceTest, ALayerThatIsNotAsLongAsItsManifestSaysFails) {
  const auto blob = fake_.add_text_blob("library/x", "layer");
  const std::string text = R"({"schemaVersion":2,"layers":[{"mediaType":"x","digest":")" + blob + R"(","size":6}]})";
  fake_.add_manifest("library/x", "latest", kType, text);
  ASSERT_TRUE(get(tag("latest")));
  const auto got = pull(blob);
  EXPECT_EQ(got.error->code, Error::Code::kUpstreamInvalid);
  EXPECT_NE(got.error->message.find("registry.test/library/x"), std::string::npos) << got.error->message;
}

TEST_F(ManifestServiceTest, WithoutUpstreamWhatIsHeldIsServedAndTheRestIsNotFound) {
  fake_.add_manifest("library/x", "latest", kType, body());
  ASSERT_TRUE(get(tag("latest")));
  offline_ = true;
  expire();
  EXPECT_EQ(get(tag("latest"))->bytes, body());
  EXPECT_EQ(get(tag("other")).error().code, Error::Code::kNotFound);
}

// --- Tag lists ---

TEST_F(ManifestServiceTest, TheListIsUpstreamsAndWhatIsHeldWhenUpstreamCannotAnswer) {
  for (const char* name : {"a", "b", "c", "d"}) fake_.add_manifest("library/x", name, kType, body(name));
  ASSERT_TRUE(get(tag("b")));
  ASSERT_TRUE(get(tag("c")));
  const auto list = [&](std::string last, std::optional<size_t> n) { return support::run_task(tags_->list(registry(), repository(), last, n)); };
  using Tags = std::vector<std::string>;
  EXPECT_EQ(list("", std::nullopt)->tags, (Tags{"a", "b", "c", "d"}));
  EXPECT_EQ(list("a", 2)->tags, (Tags{"b", "c"}));
  EXPECT_TRUE(list("a", 2)->more);
  EXPECT_FALSE(list("b", 2)->more);
  fake_.add_fault({{"status", 500}});
  EXPECT_EQ(list("", std::nullopt)->tags, (Tags{"b", "c"}));
  EXPECT_TRUE(list("", std::nullopt)->stale);
  EXPECT_TRUE(list("", 1)->more);
}

}  // namespace
}  // namespace entrepot::pull
