// A server on 127.0.0.1 with handlers by path.
#pragma once

#include "raw_client.h"

#include "entrepot/base/disk_pool.h"
#include "entrepot/base/promise.h"
#include "entrepot/base/unique_fd.h"
#include "entrepot/serve/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::serve {

using namespace std::chrono_literals;

// Things that happened, in order, to be waited for. Thread-safe.
class Diary {
 public:
  void note(std::string entry);
  // Waits up to ten seconds for an entry that is equal to `entry`.
  bool wait_for(const std::string& entry);
  std::vector<std::string> entries();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> entries_;  // guarded by mutex_
};

// Answers 200 with "METHOD TARGET" where no route is set.
class FakeHandler final : public Handler {
 public:
  // A coroutine without captures; what it needs is in `handler`.
  using Route = Task<> (*)(FakeHandler& handler, const Request& request, Response& response);

  Task<> handle(const Request& request, Response& response) override;
  void refused(std::string_view remote, int status, std::string_view reason) noexcept override;

  std::map<std::string, Route> routes;  // by path; constant once the server runs
  UniqueFd file;                        // for routes
  uint64_t file_size = 0;
  Diary diary;           // "GET /path" when called, "refused 400", and what routes note
  Promise<int> release;  // for routes that wait until a test lets them go
};

class ServeTest : public testing::Test {
 protected:
  // Sets `handler.file` to `content`.
  void give_file(std::string_view content);
  void start();
  uint16_t port() const { return server->port(); }
  // Waits up to ten seconds until `count` connections are left.
  bool wait_for_connections(size_t count);

  WorkerPool workers{2};
  DiskPool disk{1};
  FakeHandler handler;
  Options options;
  std::unique_ptr<Server> server;
};

// `size` bytes that differ from place to place.
std::string pattern(size_t size);

}  // namespace entrepot::serve
