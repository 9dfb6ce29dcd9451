#include "support/http_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace entrepot::support {
namespace {

constexpr size_t kMaxHead = 256 * 1024;
constexpr size_t kMaxBody = size_t{256} << 20;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

void parse_header(HttpRequest& request, std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string& value = request.headers[lower(line.substr(0, colon))];
  if (!value.empty()) value += ", ";
  value += trim(line.substr(colon + 1));
}

std::optional<HttpRequest> parse_head(std::string_view head) {
  HttpRequest request;
  const size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const size_t first = line.find(' ');
  const size_t second = line.rfind(' ');
  if (first == std::string_view::npos || second <= first) return std::nullopt;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  request.keep_alive = line.substr(second + 1) == "HTTP/1.1";
  head.remove_prefix(line_end + 2);
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    parse_header(request, head.substr(0, end));
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
  }
  const auto connection = request.headers.find("connection");
  if (connection != request.headers.end()) {
    const std::string value = lower(connection->second);
    if (value == "close") request.keep_alive = false;
    if (value == "keep-alive") request.keep_alive = true;
  }
  return request;
}

}  // namespace

bool HttpSocket::receive() {
  std::array<char, 65536> piece;
  ssize_t n;
  do n = ::recv(fd_, piece.data(), piece.size(), 0);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return false;
  buffer_.append(piece.data(), static_cast<size_t>(n));
  return true;
}

std::optional<HttpRequest> HttpSocket::read_request() {
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (buffer_.size() > kMaxHead || !receive()) return std::nullopt;
  }
  std::optional<HttpRequest> request = parse_head(std::string_view(buffer_).substr(0, end + 2));
  if (!request) return std::nullopt;
  buffer_.erase(0, end + 4);

  const auto length_header = request->headers.find("content-length");
  if (length_header == request->headers.end()) return request;
  const uint64_t length = std::strtoull(length_header->second.c_str(), nullptr, 10);
  if (length > kMaxBody) return std::nullopt;
  if (request->headers.contains("expect") && !send("HTTP/1.1 100 Continue\r\n\r\n")) return std::nullopt;
  while (buffer_.size() < length) {
    if (!receive()) return std::nullopt;
  }
  request->body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return request;
}

bool HttpSocket::send(std::string_view data, std::atomic<uint64_t>* counter) {
  while (!data.empty()) {
    const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    if (counter != nullptr) counter->fetch_add(static_cast<uint64_t>(n), std::memory_order_relaxed);
    data.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool HttpSocket::wait_gone(std::optional<std::chrono::milliseconds> limit) {
  pollfd wanted{fd_, POLLRDHUP, 0};
  const int timeout = limit ? static_cast<int>(std::max<int64_t>(0, limit->count())) : -1;
  int n;
  do n = ::poll(&wanted, 1, timeout);
  while (n < 0 && errno == EINTR);
  return n != 0;
}

void HttpSocket::reset_on_close() {
  const linger option{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

}  // namespace entrepot::support
