// PATH holds the bytes, PATH.points what may be believed of them: a first line with the boot in
// which the file grew, then a line "OFFSET HEX" for each point up to which the file was synced and
// the hash that its prefix had then.
#include "entrepot/store/partial_file.h"

#include "layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace entrepot::store {
namespace {

constexpr size_t kReadSize = 1 << 20;

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id.empty() ? "unknown" : id;
}

struct Points {
  std::string boot;
  std::map<uint64_t, std::string> prefixes;  // offset -> hex
};

Points read_points(const std::string& path) {
  Points points;
  std::ifstream file(path);
  std::string word;
  file >> word >> points.boot;
  uint64_t offset = 0;
  while (file >> offset >> word) points.prefixes[offset] = word;
  return points;
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return errno_error("the record of a partial file cannot be written");
    text.remove_prefix(static_cast<size_t>(n));
  }
  return ok();
}

std::string hex_of(const Hash& hash) { return oci::Digest::of(hash).hex(); }

}  // namespace

PartialFile::~PartialFile() = default;

Result<std::unique_ptr<PartialFile>> PartialFile::open(std::string path, const oci::Digest& digest) {
  std::unique_ptr<PartialFile> partial(new PartialFile(std::move(path), digest));
  const std::string points_path = partial->path_ + ".points";
  const Points points = read_points(points_path);
  const std::string boot = boot_id();

  partial->fd_ = UniqueFd(::open(partial->path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  struct stat status;
  if (!partial->fd_ || ::fstat(partial->fd_.get(), &status) != 0) {
    return errno_error("the partial file " + partial->path_ + " cannot be opened");
  }
  const auto length = static_cast<uint64_t>(status.st_size);
  const bool same_boot = points.boot == boot;

  // Up to the last point that agrees, or to the end if this machine has not been down since.
  Hash hash(digest.algorithm());
  Hash trusted_hash(digest.algorithm());
  uint64_t trusted = 0;
  uint64_t at = 0;
  std::vector<std::byte> buffer(kReadSize);
  while (at < length) {
    const auto next = points.prefixes.upper_bound(at);
    const uint64_t stop = next == points.prefixes.end() ? length : std::min(length, next->first);
    const ssize_t n = ::pread(partial->fd_.get(), buffer.data(), static_cast<size_t>(std::min<uint64_t>(kReadSize, stop - at)), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    hash.update(std::span(buffer.data(), static_cast<size_t>(n)));
    at += static_cast<uint64_t>(n);
    const auto point = points.prefixes.find(at);
    if (point != points.prefixes.end() && point->second != hex_of(hash)) break;
    if (same_boot || point != points.prefixes.end()) {
      trusted = at;
      trusted_hash = Hash(hash);
    }
  }
  TRY(partial->keep_trusted(trusted));
  partial->hash_ = std::move(trusted_hash);

  partial->points_ = UniqueFd(::open(points_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!partial->points_) return errno_error("the record " + points_path + " cannot be opened");
  std::string record = "boot " + boot + "\n";
  for (const auto& [offset, prefix] : points.prefixes) {
    if (offset <= trusted) record += std::to_string(offset) + " " + prefix + "\n";
  }
  TRY(write_all(partial->points_.get(), record));
  return partial;
}

Result<void> PartialFile::keep_trusted(uint64_t length) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(length)) != 0) return errno_error("the partial file " + path_ + " cannot be cut");
  size_ = length;
  return ok();
}

Result<void> PartialFile::append(ByteSpan data) {
  uint64_t end = size_;
  for (auto rest = data; !rest.empty();) {
    const ssize_t n = ::pwrite(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(end));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const auto error = errno_error("the partial file " + path_ + " cannot grow");
      // Bytes behind size_ were never shown to anybody. If even the cut fails they stay, unhashed:
      // a resume hashes them, and the digest decides.
      static_cast<void>(keep_trusted(size_));
      return error;
    }
    rest = rest.subspan(static_cast<size_t>(n));
    end += static_cast<uint64_t>(n);
  }
  hash_.update(data);
  size_ = end;
  return ok();
}

Result<void> PartialFile::checkpoint(uint64_t offset, const Hash& prefix) {
  if (::fdatasync(fd_.get()) != 0) return errno_error("the partial file " + path_ + " cannot be synced");
  TRY(write_all(points_.get(), std::to_string(offset) + " " + hex_of(prefix) + "\n"));
  if (::fdatasync(points_.get()) != 0) return errno_error("the record of " + path_ + " cannot be synced");
  return ok();
}

Result<void> PartialFile::publish_as(const std::string& path) {
  const bool synced = ::fsync(fd_.get()) == 0 && ::fchmod(fd_.get(), 0440) == 0;
  if (!synced) {
    const auto error = errno_error("the blob file " + path + " cannot be synced");
    discard();
    return error;
  }
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    const auto error = errno_error("the blob file " + path + " cannot be put into place");
    discard();
    return error;
  }
  ::unlink((path_ + ".points").c_str());
  return sync_parent(path);
}

void PartialFile::discard() {
  ::unlink(path_.c_str());
  ::unlink((path_ + ".points").c_str());
}

}  // namespace entrepot::store
