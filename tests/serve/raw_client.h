// A blocking HTTP client that sends what it is told and shows what came, however wrong.
#pragma once

#include "entrepot/base/unique_fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace entrepot::serve {

struct Answer {
  int status = 0;                              // 0: no whole head came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool complete = false;  // the body came to its announced end

  bool has(const std::string& name) const { return headers.contains(name); }
  std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
};

// How the server ended the connection.
enum class End { kOpen, kClean, kReset };

// No call waits longer than ten seconds.
class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (!fd_) throw std::runtime_error("no socket");
    const timeval limit{10, 0};
    const int on = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_buffer > 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Receives once, at most `most` bytes; false if nothing came.
  bool receive(size_t most = 64 * 1024) {
    std::string chunk(most, '\0');
    const ssize_t size = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (size > 0) {
      buffer_.append(chunk, 0, static_cast<size_t>(size));
      return true;
    }
    if (size == 0) end_ = End::kClean;
    if (size < 0 && errno == ECONNRESET) end_ = End::kReset;
    return false;
  }

  // One answer; `to_head`: to a HEAD request.
  Answer read_answer(bool to_head = false) {
    Answer answer;
    if (!read_head(answer)) return answer;
    if (to_head || answer.status == 204 || answer.status == 304) {
      answer.complete = true;
    } else if (answer.has("content-length")) {
      read_length(answer, std::strtoull(answer.header("content-length").c_str(), nullptr, 10));
    } else if (answer.has("transfer-encoding")) {
      read_chunks(answer);
    } else {
      while (receive()) {
      }
      answer.body = std::exchange(buffer_, {});
      answer.complete = end_ == End::kClean;
    }
    return answer;
  }

  Answer ask(std::string_view request) {
    send(request);
    return read_answer(request.starts_with("HEAD"));
  }
  Answer get(const std::string& target, const std::string& headers = "") {
    return ask("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  }

  // Reads until the server ends the connection.
  End read_end() {
    while (receive()) {
    }
    return end_;
  }
  // Received and not part of an answer.
  const std::string& rest() const { return buffer_; }
  int fd() const { return fd_.get(); }

 private:
  bool read_head(Answer& answer) {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return false;
    }
    std::string_view head(buffer_.data(), end + 2);
    answer.status = std::atoi(std::string(head.substr(9, 3)).c_str());
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const auto line = head.substr(0, head.find("\r\n"));
      const size_t colon = line.find(": ");
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      answer.headers[name] = line.substr(colon + 2);
      head.remove_prefix(line.size() + 2);
    }
    buffer_.erase(0, end + 4);
    return true;
  }

  void read_length(Answer& answer, uint64_t length) {
    while (buffer_.size() < length && receive()) {
    }
    answer.body = buffer_.substr(0, length);
    answer.complete = answer.body.size() == length;
    buffer_.erase(0, answer.body.size());
  }

  void read_chunks(Answer& answer) {
    for (;;) {
      size_t end = 0;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!receive()) return;
      }
      const size_t size = std::strtoull(buffer_.c_str(), nullptr, 16);
      buffer_.erase(0, end + 2);
      while (buffer_.size() < size + 2 && receive()) {
      }
      answer.body.append(buffer_, 0, std::min(size, buffer_.size()));
      if (buffer_.size() < size + 2 || buffer_.compare(size, 2, "\r\n") != 0) return;
      buffer_.erase(0, size + 2);
      if (size == 0) {
        answer.complete = true;
        return;
      }
    }
  }

  UniqueFd fd_;
  bool connected_ = false;
  std::string buffer_;
  End end_ = End::kOpen;
};

}  // namespace entrepot::serve
