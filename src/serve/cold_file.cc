#include "cold_file.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace entrepot::serve {
namespace {

constexpr size_t kPiece = 256 * 1024;

// A file system that cannot tell (EOPNOTSUPP) counts as warm, an end or an error too: sendfile will say.
bool would_wait(int fd, uint64_t offset) {
  char byte = 0;
  const iovec target{&byte, 1};
  return ::preadv2(fd, &target, 1, static_cast<off_t>(offset), RWF_NOWAIT) < 0 && errno == EAGAIN;
}

}  // namespace

bool is_cold(int fd, uint64_t offset, uint64_t count) {
  return would_wait(fd, offset) || would_wait(fd, offset + count - 1);
}

Result<void> WarmUp::operator()() const {
  static thread_local std::vector<char> scratch(kPiece);
  uint64_t done = 0;
  while (done < count) {
    const size_t want = std::min<uint64_t>(count - done, scratch.size());
    const ssize_t got = ::pread(fd, scratch.data(), want, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("reading a body from disk");
    if (got == 0) return Error{Error::Code::kIo, "a body's file is shorter than promised"};
    done += static_cast<uint64_t>(got);
  }
  return ok();
}

}  // namespace entrepot::serve
