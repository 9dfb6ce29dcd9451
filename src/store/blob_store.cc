#include "entrepot/store/blob_store.h"

#include "layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace entrepot::store {

Result<std::unique_ptr<BlobStore>> BlobStore::open(const Options& options) {
  TRY(create_layout(options.root));
  return std::unique_ptr<BlobStore>(new BlobStore(options));
}

std::shared_ptr<const OpenBlob> BlobStore::opened(const oci::Digest& digest) {
  auto files = open_files_.lock();
  const auto it = files->by_digest.find(digest);
  if (it == files->by_digest.end()) return nullptr;
  files->entries.splice(files->entries.begin(), files->entries, it->second);
  return it->second->second;
}

Result<std::shared_ptr<const OpenBlob>> BlobStore::open(const oci::Digest& digest, uint64_t size) {
  const std::string path = blob_path(root_, digest);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    if (errno == ENOENT) return Error{Error::Code::kNotFound, "the blob file " + path + " is missing"};
    return errno_error("the blob file " + path + " cannot be opened");
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return errno_error("the blob file " + path + " cannot be examined");
  if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) != size) {
    return Error{Error::Code::kNotFound, "the blob file " + path + " has " + std::to_string(status.st_size) + " bytes, not " + std::to_string(size)};
  }
  auto blob = std::make_shared<const OpenBlob>(OpenBlob{std::move(fd), size});
  keep_open(digest, blob);
  return blob;
}

void BlobStore::keep_open(const oci::Digest& digest, std::shared_ptr<const OpenBlob> blob) {
  std::list<Entry> dropped;  // closed after the lock is released
  auto files = open_files_.lock();
  if (const auto it = files->by_digest.find(digest); it != files->by_digest.end()) {
    dropped.splice(dropped.begin(), files->entries, it->second);
    files->by_digest.erase(it);
  }
  files->entries.emplace_front(digest, std::move(blob));
  files->by_digest[digest] = files->entries.begin();
  while (files->entries.size() > open_blobs_) {
    files->by_digest.erase(files->entries.back().first);
    dropped.splice(dropped.begin(), files->entries, std::prev(files->entries.end()));
  }
}

Result<std::unique_ptr<PartialFile>> BlobStore::begin(const oci::Digest& digest) {
  return PartialFile::open(partial_path(root_, digest), digest);
}

Result<std::shared_ptr<const OpenBlob>> BlobStore::publish(PartialFile& partial) {
  const std::string path = blob_path(root_, partial.digest());
  TRY(partial.publish_as(path));
  return open(partial.digest(), partial.size());
}

}  // namespace entrepot::store
