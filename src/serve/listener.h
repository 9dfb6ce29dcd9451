// Accepts connections and hands each to the least loaded lane.
#pragma once

#include "lane.h"

#include "entrepot/base/gate.h"
#include "entrepot/base/task.h"
#include "entrepot/base/unique_fd.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace entrepot::serve {

// On one worker only. Owned by shared_ptr, one of them its coroutine's.
class Listener {
 public:
  Listener(Executor executor, UniqueFd socket, std::shared_ptr<Shared> shared,
           std::vector<std::shared_ptr<Lane>> lanes);

  Executor executor() const { return executor_; }
  static Task<> run(std::shared_ptr<Listener> self, Gate::Pass pass);
  void close();

 private:
  // kOutOfResources: a new attempt at once would fail too.
  enum class Accepted { kOne, kNone, kOutOfResources };

  Accepted accept_one();
  void hand_over(UniqueFd socket, int family, std::string remote);
  Task<> wait_for_resources(int error);

  const Executor executor_;
  const std::shared_ptr<Shared> shared_;
  const std::vector<std::shared_ptr<Lane>> lanes_;
  boost::asio::posix::basic_stream_descriptor<Executor> socket_;
  Timer timer_;
  int error_ = 0;  // of the last accept_one
  std::chrono::steady_clock::time_point next_warning_{};
};

}  // namespace entrepot::serve
