#include "entrepot/store/blob_store.h"
#include "entrepot/store/catalog.h"
#include "entrepot/store/partial_file.h"
#include "entrepot/store/records.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <string>

namespace entrepot::store {
namespace {

using oci::Digest;
using oci::RepositoryName;
using oci::Tag;

Digest digest_of(std::string_view text) { return Digest::of(HashAlgorithm::kSha256, bytes_of(text)); }
RepositoryName repository(const char* name) { return *RepositoryName::parse(name); }
WallTime at(int64_t ms) { return WallTime(Milliseconds(ms)); }

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary | std::ios::trunc) << text; }

// --- Records ---

TEST(Records, ComeBackAsTheyWere) {
  EXPECT_EQ(decode_blob(encode(BlobRecord{7, at(5)}))->size, 7u);
  const auto manifest = *decode_manifest(encode(ManifestRecord{"application/x", at(5), std::string("a\0b", 3)}));
  EXPECT_EQ(manifest.media_type, "application/x");
  EXPECT_EQ(manifest.bytes, std::string("a\0b", 3));
  const auto tag = *decode_tag(encode(TagRecord{digest_of("x"), at(-5)}));
  EXPECT_EQ(tag.digest, digest_of("x"));
  EXPECT_EQ(tag.checked, at(-5));
  EXPECT_EQ(decode_member(encode(MemberRecord{12}))->size, 12u);
  EXPECT_FALSE(decode_member(encode(MemberRecord{}))->size);
}

TEST(Records, TheirEncodingDoesNotDrift) {
  EXPECT_EQ(encode(BlobRecord{0x0102, at(3)}), std::string("\x01\x02\x01\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", 17));
  EXPECT_EQ(encode(MemberRecord{9}), std::string("\x01\x01\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0", 17));
}

TEST(Records, DamagedOnesAndThoseOfANewerVersionAreErrors) {
  const std::string whole = encode(ManifestRecord{"application/x", at(5), "body"});
  for (size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(decode_manifest(whole.substr(0, length))) << length;
  EXPECT_FALSE(decode_manifest(whole + "x"));
  std::string newer = whole;
  newer[0] = 2;
  EXPECT_EQ(decode_manifest(newer).error().code, Error::Code::kIo);
  std::string huge = whole;
  huge.replace(1, 8, std::string(8, '\xff'));
  EXPECT_FALSE(decode_manifest(huge));
}

// --- Catalog ---

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() { open(); }
  void open() {
    catalog_.reset();
    auto opened = Catalog::open(options());
    ASSERT_TRUE(opened) << opened.error().message;
    catalog_ = std::move(*opened);
  }
  Options options() {
    Options options;
    options.root = folder_.path();
    if (few_open_files_) options.catalog_open_files = 20;
    return options;
  }
  void commit(Catalog::Batch batch) { ASSERT_TRUE(catalog_->commit(std::move(batch), Catalog::Durability::kSynced)); }

  support::TempDir folder_;
  bool few_open_files_ = false;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, KnowsABatchAsAWholeAlsoAfterItIsOpenedAgain) {
  Catalog::Batch batch;
  batch.put_blob(digest_of("b"), "docker.io", {3, at(1)});
  batch.put_manifest(digest_of("m"), "docker.io", {"application/x", at(1), "bytes"});
  batch.put_tag("docker.io", repository("library/x"), *Tag::parse("latest"), {digest_of("m"), at(2)});
  batch.put_member("docker.io", repository("library/x"), digest_of("b"), {3});
  commit(std::move(batch));
  open();
  EXPECT_EQ((*catalog_->blob(digest_of("b"), "docker.io", Reach::kDisk))->size, 3u);
  EXPECT_EQ((*catalog_->manifest(digest_of("m"), "docker.io", Reach::kDisk))->bytes, "bytes");
  EXPECT_EQ((*catalog_->tag("docker.io", repository("library/x"), *Tag::parse("latest"), Reach::kDisk))->digest, digest_of("m"));
  EXPECT_TRUE(*catalog_->member("docker.io", repository("library/x"), digest_of("b"), Reach::kDisk));
}

TEST_F(CatalogTest, WhatOneUpstreamBroughtIsUnknownToAnother) {
  Catalog::Batch batch;
  batch.put_blob(digest_of("b"), "a.example", {3, at(1)});
  batch.put_member("a.example", repository("x"), digest_of("b"), {});
  commit(std::move(batch));
  EXPECT_FALSE(*catalog_->blob(digest_of("b"), "b.example", Reach::kDisk));
  EXPECT_FALSE(*catalog_->member("b.example", repository("x"), digest_of("b"), Reach::kDisk));
  EXPECT_FALSE(*catalog_->member("a.example", repository("y"), digest_of("b"), Reach::kDisk));
}

TEST_F(CatalogTest, AReadThatMayNotBlockSaysSoInsteadOfReadingTheDisk) {
  Catalog::Batch batch;
  batch.put_blob(digest_of("b"), "u", {3, at(1)});
  commit(std::move(batch));
  EXPECT_TRUE(*catalog_->blob(digest_of("b"), "u", Reach::kMemory));  // in the memtable
  open();                                                             // recovery writes it to a table file
  const auto cold = catalog_->blob(digest_of("b"), "u", Reach::kMemory);
  EXPECT_TRUE(cold || cold.error().code == Error::Code::kNotInMemory);
  EXPECT_TRUE(*catalog_->blob(digest_of("b"), "u", Reach::kDisk));
  EXPECT_TRUE(*catalog_->blob(digest_of("b"), "u", Reach::kMemory));
}

TEST_F(CatalogTest, ATableThatIsNotOpenIsNotADamagedRecord) {
  few_open_files_ = true;
  open();
  for (int restart = 0; restart < 12; ++restart) {
    Catalog::Batch batch;
    const auto digest = digest_of(std::to_string(restart));
    batch.put_blob(digest, "u", {3, at(1)});
    batch.put_manifest(digest, "u", {"application/x", at(1), "bytes"});
    batch.put_member("u", repository("x"), digest, {});
    commit(std::move(batch));
    open();
    for (int i = 0; i <= restart; ++i) {
      const auto found = catalog_->member("u", repository("x"), digest_of(std::to_string(i)), Reach::kMemory);
      EXPECT_TRUE(found ? found->has_value() : found.error().code == Error::Code::kNotInMemory) << found.error().message;
    }
  }
}

TEST_F(CatalogTest, ListsRepositoriesAndTagsInOrderPageByPage) {
  Catalog::Batch batch;
  for (const char* name : {"b", "a/x", "a", "a-b", "c/d/e"}) {
    for (const char* content : {"1", "2", "3"}) batch.put_member("u", repository(name), digest_of(content), {});
    for (const char* tag : {"v2", "v1", "latest"}) batch.put_tag("u", repository(name), *Tag::parse(tag), {digest_of("1"), at(1)});
  }
  batch.put_member("other", repository("zzz"), digest_of("1"), {});
  commit(std::move(batch));
  using Names = std::vector<std::string>;
  EXPECT_EQ(*catalog_->repositories("u", "", 100), (Names{"a", "a-b", "a/x", "b", "c/d/e"}));
  EXPECT_EQ(*catalog_->repositories("u", "a", 2), (Names{"a-b", "a/x"}));
  EXPECT_EQ(*catalog_->repositories("u", "c/d/e", 2), Names{});
  EXPECT_EQ(*catalog_->repositories("nobody", "", 2), Names{});
  EXPECT_EQ(*catalog_->tags("u", repository("a"), "", 100), (Names{"latest", "v1", "v2"}));
  EXPECT_EQ(*catalog_->tags("u", repository("a"), "latest", 1), (Names{"v1"}));
  EXPECT_EQ(*catalog_->tags("u", repository("a"), "v2", 1), Names{});
}

TEST_F(CatalogTest, CountsEachBlobOnceAsOfTheMomentOfAsking) {
  Catalog::Batch batch;
  batch.put_blob(digest_of("1"), "u", {10, at(1)});
  batch.put_blob(digest_of("1"), "v", {10, at(1)});
  batch.put_blob(digest_of("2"), "u", {5, at(1)});
  commit(std::move(batch));
  auto count = catalog_->blob_counter();
  Catalog::Batch later;
  later.put_blob(digest_of("3"), "u", {100, at(1)});
  commit(std::move(later));
  const auto totals = count();
  EXPECT_EQ(totals->blobs, 2u);
  EXPECT_EQ(totals->bytes, 15u);
}

TEST_F(CatalogTest, ASecondProcessIsToldThatItIsInUse) {
  const auto second = Catalog::open(options());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another entrepot"), std::string::npos);
}

TEST_F(CatalogTest, ANewerSchemaIsRefused) {
  Catalog::Batch batch;
  batch.put_meta("schema", "99");
  commit(std::move(batch));
  catalog_.reset();
  const auto reopened = Catalog::open(options());
  ASSERT_FALSE(reopened);
  EXPECT_NE(reopened.error().message.find("schema 99"), std::string::npos);
}

// --- Blob files ---

class BlobStoreTest : public testing::Test {
 protected:
  BlobStoreTest() {
    Options options;
    options.root = folder_.path();
    options.open_blobs = 2;
    blobs_ = std::move(*BlobStore::open(options));
  }
  Digest store(const std::string& text) {
    auto partial = std::move(*blobs_->begin(digest_of(text)));
    EXPECT_TRUE(partial->append(bytes_of(text)));
    EXPECT_TRUE(blobs_->publish(*partial));
    return digest_of(text);
  }
  std::string path(const Digest& digest) { return folder_.path() + "/blobs/sha256/" + digest.hex().substr(0, 2) + "/" + digest.hex(); }
  std::string partial_path(const Digest& digest) { return folder_.path() + "/partial/sha256-" + digest.hex(); }

  support::TempDir folder_;
  std::unique_ptr<BlobStore> blobs_;
};

TEST_F(BlobStoreTest, APublishedBlobIsAReadOnlyFileNamedByItsDigest) {
  const auto digest = store("hello");
  EXPECT_EQ(read_file(path(digest)), "hello");
  struct stat status;
  ASSERT_EQ(::stat(path(digest).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0222, 0u);
  EXPECT_NE(::access(partial_path(digest).c_str(), F_OK), 0);
  EXPECT_NE(::access((partial_path(digest) + ".points").c_str(), F_OK), 0);
}

TEST_F(BlobStoreTest, AMissingFileOrOneOfAnotherSizeIsNotFound) {
  EXPECT_EQ(blobs_->open(digest_of("none"), 4).error().code, Error::Code::kNotFound);
  const auto digest = store("hello");
  EXPECT_EQ(blobs_->open(digest, 4).error().code, Error::Code::kNotFound);
  EXPECT_TRUE(blobs_->open(digest, 5));
}

TEST_F(BlobStoreTest, KeepsTheFilesOpenThatWereUsedLast) {
  const auto a = store("a");
  const auto b = store("b");
  EXPECT_TRUE(blobs_->opened(a));  // a is used again: b goes first
  const auto c = store("c");
  EXPECT_TRUE(blobs_->opened(a));
  EXPECT_FALSE(blobs_->opened(b));
  EXPECT_TRUE(blobs_->opened(c));
}

TEST_F(BlobStoreTest, AnOpenBlobStaysReadableWhenItsFileGoes) {
  const auto digest = store("hello");
  const auto blob = *blobs_->open(digest, 5);
  ::unlink(path(digest).c_str());
  char text[5];
  EXPECT_EQ(::pread(blob->fd.get(), text, 5, 0), 5);
}

// --- Partial files: what is kept, and what is not believed ---

class PartialFileTest : public BlobStoreTest {
 protected:
  const std::string text_ = std::string(3000, 'x') + std::string(3000, 'y');
  const Digest digest_ = digest_of(text_);

  // Leaves a partial file of `length` bytes with a checkpoint at each of `points`, as a crash would.
  void leave_partial(size_t length, std::vector<size_t> points) {
    auto partial = std::move(*blobs_->begin(digest_));
    size_t at = 0;
    for (size_t point : points) {
      ASSERT_TRUE(partial->append(bytes_of(text_.substr(at, point - at))));
      ASSERT_TRUE(partial->checkpoint(point, partial->hash()));
      at = point;
    }
    ASSERT_TRUE(partial->append(bytes_of(text_.substr(at, length - at))));
  }
  // The machine has been down since: only what was synced counts.
  void forget_boot() {
    std::string record = read_file(partial_path(digest_) + ".points");
    write_file(partial_path(digest_) + ".points", "boot another" + record.substr(record.find('\n')));
  }
};

TEST_F(PartialFileTest, AfterACrashOfTheProcessEverythingIsKept) {
  leave_partial(1234, {});
  const auto partial = std::move(*blobs_->begin(digest_));
  EXPECT_EQ(partial->size(), 1234u);
  EXPECT_TRUE(partial->append(bytes_of(text_.substr(1234))));
  EXPECT_EQ(Digest::of(partial->hash()), digest_);
}

TEST_F(PartialFileTest, AfterAPowerLossOnlyWhatWasSyncedIsKept) {
  leave_partial(5000, {1000, 4000});
  forget_boot();
  const auto partial = std::move(*blobs_->begin(digest_));
  EXPECT_EQ(partial->size(), 4000u);
  EXPECT_EQ(read_file(partial_path(digest_)).size(), 4000u);
  EXPECT_TRUE(partial->append(bytes_of(text_.substr(4000))));
  EXPECT_EQ(Digest::of(partial->hash()), digest_);
}

TEST_F(PartialFileTest, ZerosThatPowerLossLeftAreCutAtTheLastPointThatAgrees) {
  leave_partial(5000, {1000, 4000});
  forget_boot();
  std::string bytes = read_file(partial_path(digest_));
  bytes.replace(2000, 100, std::string(100, '\0'));
  write_file(partial_path(digest_), bytes);
  EXPECT_EQ((*blobs_->begin(digest_))->size(), 1000u);
}

TEST_F(PartialFileTest, WithoutAPointNothingIsBelievedAfterAPowerLoss) {
  leave_partial(5000, {});
  forget_boot();
  EXPECT_EQ((*blobs_->begin(digest_))->size(), 0u);
}

TEST_F(PartialFileTest, PointsOutliveASecondPowerLoss) {
  leave_partial(5000, {4000});
  forget_boot();
  blobs_->begin(digest_)->reset();
  forget_boot();
  EXPECT_EQ((*blobs_->begin(digest_))->size(), 4000u);
}

TEST_F(PartialFileTest, GarbageForARecordIsNoRecord) {
  for (const char* garbage : {"", "boot", "xx\n99999999999999999999 aa\n", "boot another\n5 zz\n-1 aa\n"}) {
    leave_partial(500, {});
    write_file(partial_path(digest_) + ".points", garbage);
    EXPECT_EQ((*blobs_->begin(digest_))->size(), 0u) << garbage;
  }
}

TEST_F(PartialFileTest, DiscardLeavesNothing) {
  leave_partial(500, {100});
  (*blobs_->begin(digest_))->discard();
  EXPECT_NE(::access(partial_path(digest_).c_str(), F_OK), 0);
  EXPECT_EQ((*blobs_->begin(digest_))->size(), 0u);
}

}  // namespace
}  // namespace entrepot::store
