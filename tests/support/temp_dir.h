// A folder of the test's own that goes with it.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace entrepot::support {

class TempDir {
 public:
  TempDir() {
    // In memory where there is room: these tests are about order and content, not about the disk.
    const bool shared_memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = std::string(shared_memory ? "/dev/shm" : "/tmp") + "/entrepot-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace entrepot::support
