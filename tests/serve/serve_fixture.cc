#include "serve_fixture.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace entrepot::serve {

void Diary::note(std::string entry) {
  std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  changed_.notify_all();
}

bool Diary::wait_for(const std::string& entry) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, 10s, [&] { return std::count(entries_.begin(), entries_.end(), entry) > 0; });
}

std::vector<std::string> Diary::entries() {
  std::lock_guard lock(mutex_);
  return entries_;
}

namespace {

Task<> answer_plainly(std::string text, Response& response) {
  Head head;
  head.headers.emplace_back("Content-Type", "text/plain");
  co_await response.send(std::move(head), std::move(text));
}

}  // namespace

Task<> FakeHandler::handle(const Request& request, Response& response) {
  std::string line = request.method + " " + request.target;
  diary.note(line);
  const auto route = routes.find(request.target.substr(0, request.target.find('?')));
  if (route != routes.end()) return route->second(*this, request, response);
  return answer_plainly(std::move(line), response);
}

void FakeHandler::refused(std::string_view, int status, std::string_view) noexcept {
  diary.note("refused " + std::to_string(status));
}

void ServeTest::give_file(std::string_view content) {
  char path[] = "/tmp/serve_test.XXXXXX";
  handler.file = UniqueFd(::mkstemp(path));
  ASSERT_TRUE(handler.file);
  ::unlink(path);
  while (!content.empty()) {
    const ssize_t written = ::write(handler.file.get(), content.data(), content.size());
    ASSERT_GT(written, 0);
    handler.file_size += static_cast<uint64_t>(written);
    content.remove_prefix(static_cast<size_t>(written));
  }
}

void ServeTest::start() {
  options.address = "127.0.0.1:0";
  auto started = Server::start(options, workers, disk, handler);
  ASSERT_TRUE(started.has_value()) << started.error().message;
  server = std::move(*started);
}

bool ServeTest::wait_for_connections(size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (server->connections() != count) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

std::string pattern(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace entrepot::serve
