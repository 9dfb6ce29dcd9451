// No timer and no cancellation slot belongs to a connection: its lane's sweep calls
// check_deadline(), which cancels a wait; the wait then sees that its deadline has passed.
#include "stream.h"

#include <boost/asio/post.hpp>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

namespace entrepot::serve {
namespace {
namespace asio = boost::asio;

// One fast client must not own the thread.
constexpr uint64_t kYieldAfter = 8 << 20;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

// One sendmsg of what is left of both pieces.
ssize_t send_pieces(int socket, std::string_view first, std::string_view second, int flags) {
  iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = first.empty() ? pieces + 1 : pieces;
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

void drop_sent(std::string_view& first, std::string_view& second, size_t sent) {
  const size_t of_first = std::min(sent, first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(sent - of_first);
}

// The errors of sendfile that speak of the file.
bool is_file_error(int error) { return error == EIO || error == EBADF || error == EINVAL || error == EOVERFLOW; }

}  // namespace

Stream::Stream(Executor executor, UniqueFd socket, int family, std::chrono::milliseconds write_timeout)
    : socket_(executor), write_timeout_(write_timeout) {
  boost::system::error_code ec;
  const auto protocol = family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
  socket_.assign(protocol, socket.get(), ec);
  if (ec) return;  // is_open() says so
  const int fd = socket.release();
  socket_.native_non_blocking(true, ec);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Stream::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Stream::reset() {
  if (!is_open()) return;
  const linger at_once{1, 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Stream::shutdown_send() {
  if (is_open()) ::shutdown(socket_.native_handle(), SHUT_WR);
}

void Stream::check_deadline(Time now) {
  if (now < deadline_ || !is_open()) return;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

Task<Stream::Status> Stream::wait(Socket::wait_type what) {
  while (is_open()) {
    without_pause_ = 0;
    const auto result = co_await socket_.async_wait(what, use_tuple);
    const boost::system::error_code ec = std::get<0>(result);
    if (!is_open()) break;
    if (!ec) co_return Status::kOk;
    if (ec != asio::error::operation_aborted) break;
    if (std::chrono::steady_clock::now() >= deadline_) co_return Status::kTimedOut;
  }
  co_return Status::kGone;
}

Task<Stream::Status> Stream::wait_readable() { return wait(Socket::wait_read); }

int Stream::unsent() {
  int bytes = 0;
  if (!is_open() || ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) != 0) return 0;
  return bytes;
}

// The kernel calls a socket writable only when a third of its buffer is free: a slow client that
// does take bytes is told from a stuck one by what it acknowledged.
Task<Stream::Status> Stream::wait_writable() {
  for (;;) {
    const int before = unsent();
    set_deadline(std::chrono::steady_clock::now() + write_timeout_);
    const Status status = co_await wait(Socket::wait_write);
    clear_deadline();
    if (status != Status::kTimedOut) co_return status;
    if (unsent() >= before) co_return Status::kTimedOut;
  }
}

Task<Stream::Read> Stream::read_some(std::span<char> into) {
  while (is_open()) {
    const ssize_t size = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
    if (size > 0) co_return Read{Status::kOk, static_cast<size_t>(size)};
    if (size == 0) co_return Read{Status::kEnd, 0};
    if (errno == EINTR) continue;
    if (!would_block()) break;
    const Status status = co_await wait(Socket::wait_read);
    if (status != Status::kOk) co_return Read{status, 0};
  }
  co_return Read{Status::kGone, 0};
}

Task<Stream::Status> Stream::write(std::string_view first, std::string_view second, bool more) {
  while (is_open()) {
    if (first.empty() && second.empty()) co_return Status::kOk;
    const ssize_t sent = send_pieces(socket_.native_handle(), first, second, more ? MSG_MORE : 0);
    if (sent >= 0) {
      drop_sent(first, second, static_cast<size_t>(sent));
      continue;
    }
    if (!would_block()) break;
    const Status status = co_await wait_writable();
    if (status != Status::kOk) co_return status;
  }
  co_return Status::kGone;
}

Task<Stream::Status> Stream::write_file(int file, uint64_t offset, uint64_t count) {
  file_bytes_ = 0;
  off_t position = static_cast<off_t>(offset);
  while (is_open()) {
    if (file_bytes_ == count) co_return Status::kOk;
    const ssize_t sent = ::sendfile(socket_.native_handle(), file, &position, count - file_bytes_);
    if (sent > 0) {
      file_bytes_ += static_cast<uint64_t>(sent);
      if (is_greedy(static_cast<uint64_t>(sent))) co_await yield();
      continue;
    }
    if (sent == 0) co_return Status::kBadFile;  // shorter than it was said to be
    if (errno == EINTR) continue;
    if (is_file_error(errno)) co_return Status::kBadFile;
    if (!would_block()) break;
    const Status status = co_await wait_writable();
    if (status != Status::kOk) co_return status;
  }
  co_return Status::kGone;
}

bool Stream::is_greedy(uint64_t weight) {
  without_pause_ += weight;
  return without_pause_ >= kYieldAfter;
}

Task<> Stream::yield() {
  without_pause_ = 0;
  co_await asio::post(socket_.get_executor(), use_task);
}

}  // namespace entrepot::serve
