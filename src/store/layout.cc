#include "layout.h"

#include "entrepot/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace entrepot::store {
namespace {

Result<void> create_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return errno_error("the folder " + path + " cannot be created");
  return ok();
}

}  // namespace

std::string blob_path(const std::string& root, const oci::Digest& digest) {
  const std::string hex = digest.hex();
  return root + "/blobs/" + std::string(digest.algorithm_name()) + "/" + hex.substr(0, 2) + "/" + hex;
}

std::string partial_path(const std::string& root, const oci::Digest& digest) {
  return root + "/partial/" + std::string(digest.algorithm_name()) + "-" + digest.hex();
}

Result<void> create_layout(const std::string& root) {
  std::error_code failure;
  std::filesystem::create_directories(root, failure);
  if (failure) {
    return Error{Error::Code::kIo, "the data folder " + root + " cannot be created: " + failure.message() +
                                       " (create it for this user, or set storage.filesystem.rootdirectory)"};
  }
  TRY(create_folder(root + "/partial"));
  TRY(create_folder(root + "/blobs"));
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char* algorithm : {"sha256", "sha512"}) {
    const std::string folder = root + "/blobs/" + algorithm;
    TRY(create_folder(folder));
    for (int i = 0; i < 256; ++i) TRY(create_folder(folder + "/" + kDigits[i >> 4] + kDigits[i & 15]));
  }
  return ok();
}

Result<void> sync_parent(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return errno_error("the folder " + folder + " cannot be synced");
  return ok();
}

}  // namespace entrepot::store
