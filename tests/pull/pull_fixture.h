// The pull room over a real store and a scripted upstream.
#pragma once

#include "entrepot/base/disk_pool.h"
#include "entrepot/fetch/client.h"
#include "entrepot/pull/blob_service.h"
#include "entrepot/pull/manifest_service.h"
#include "entrepot/pull/tag_list.h"
#include "entrepot/store/blob_store.h"
#include "entrepot/store/catalog.h"
#include "support/fake_registry.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace entrepot::pull {

// What a client that read a whole blob saw.
struct Download {
  std::string bytes;
  std::optional<Error> error;  // the connection would have been cut short here
  Origin origin = Origin::kMiss;
};

class PullTest : public testing::Test {
 protected:
  PullTest() { start(); }
  ~PullTest() override { stop(); }

  // Everything anew over the same folder, as a restart of the process.
  void restart() {
    stop();
    start();
  }
  void stop() {
    if (blobs_) blobs_->close();
    if (client_) client_->stop();
    if (blobs_) {
      EXPECT_TRUE(blobs_->wait_idle(std::chrono::seconds(20)));
    }
    tags_.reset();
    manifests_.reset();
    blobs_.reset();
    disk_.reset();
    upstream_.reset();
    client_.reset();
    store_.reset();
    catalog_.reset();
  }
  void start() {
    store::Options options;
    options.root = folder_.path();
    store_ = std::move(*store::BlobStore::open(options));
    catalog_ = std::move(*store::Catalog::open(options));
    disk_ = std::make_unique<DiskPool>(4);
    client_ = std::make_unique<fetch::Client>(fetch::ClientOptions{});
    upstream::Options upstream;
    upstream.name = "registry.test";
    upstream.remote_url = fake_.url();
    upstream.timeouts.head = std::chrono::milliseconds(2'000);
    upstream.timeouts.stall = std::chrono::milliseconds(2'000);
    upstream_ = std::make_unique<upstream::Upstream>(upstream, *client_, clock_);
    blobs_ = std::make_unique<BlobService>(options_, *catalog_, *store_, *disk_, clock_, statistics_);
    manifests_ = std::make_unique<ManifestService>(options_, *catalog_, *disk_, clock_, statistics_);
    tags_ = std::make_unique<TagList>(*catalog_, *disk_);
  }

  Registry registry() { return {"registry.test", offline_ ? nullptr : upstream_.get()}; }
  static oci::RepositoryName repository(const std::string& name = "library/x") { return *oci::RepositoryName::parse(name); }
  static oci::Digest digest(const std::string& text) { return *oci::Digest::parse(text); }
  static oci::Reference tag(const std::string& name) { return *oci::Tag::parse(name); }

  // Reads a blob to its end, as a client would; returns when the fill behind it has ended, too.
  Download pull(const std::string& digest_text, const std::string& name = "library/x") {
    auto result = support::run_task(download(blobs_.get(), registry(), repository(name), digest(digest_text)));
    EXPECT_TRUE(blobs_->wait_idle(std::chrono::seconds(20)));
    return result;
  }
  // `clients` at once on two threads.
  std::vector<Download> pull_at_once(const std::string& digest_text, size_t clients) {
    std::vector<Task<Download>> tasks;
    for (size_t i = 0; i < clients; ++i) tasks.push_back(download(blobs_.get(), registry(), repository(), digest(digest_text)));
    auto results = support::run_tasks(std::move(tasks), 2);
    EXPECT_TRUE(blobs_->wait_idle(std::chrono::seconds(20)));
    return results;
  }

  Result<ManifestAnswer> get(const oci::Reference& reference, const std::string& name = "library/x") {
    return support::run_task(manifests_->get(registry(), repository(name), reference));
  }
  Result<ManifestAnswer> head(const oci::Reference& reference, const std::string& name = "library/x") {
    return support::run_task(manifests_->head(registry(), repository(name), reference));
  }

  // How many requests of `method` upstream got for a target with `path` in it.
  size_t asked(const std::string& method, const std::string& path) { return fake_.count(path, method); }
  bool blob_file_exists(const std::string& digest_text) const {
    const std::string hex = digest_text.substr(7);
    return ::access((folder_.path() + "/blobs/sha256/" + hex.substr(0, 2) + "/" + hex).c_str(), F_OK) == 0;
  }
  std::string partial_path(const std::string& digest_text) const { return folder_.path() + "/partial/sha256-" + digest_text.substr(7); }

  static Task<Download> download(BlobService* blobs, Registry registry, oci::RepositoryName repository, oci::Digest digest) {
    Download result;
    auto opened = co_await blobs->open(registry, repository, digest);
    if (!opened) {
      result.error = opened.error();
      co_return result;
    }
    result.origin = opened->origin();
    for (;;) {
      auto ready = co_await opened->readable(result.bytes.size());
      if (!ready) {
        result.error = ready.error();
        co_return result;
      }
      if (*ready == 0) co_return result;
      const size_t at = result.bytes.size();
      result.bytes.resize(at + *ready);
      const auto n = ::pread(opened->fd(), result.bytes.data() + at, *ready, static_cast<off_t>(at));
      EXPECT_EQ(n, static_cast<ssize_t>(*ready));
    }
  }

  static std::string digest_of(const std::string& bytes) { return oci::Digest::of(HashAlgorithm::kSha256, bytes_of(bytes)).to_string(); }

  support::TempDir folder_;
  support::FakeRegistry fake_;
  support::ManualClock clock_;
  Options options_;
  Statistics statistics_;
  bool offline_ = false;
  std::unique_ptr<store::Catalog> catalog_;
  std::unique_ptr<store::BlobStore> store_;
  std::unique_ptr<fetch::Client> client_;
  std::unique_ptr<upstream::Upstream> upstream_;
  std::unique_ptr<DiskPool> disk_;
  std::unique_ptr<BlobService> blobs_;
  std::unique_ptr<ManifestService> manifests_;
  std::unique_ptr<TagList> tags_;
};

}  // namespace entrepot::pull
