// A thread that runs transfers.
#pragma once

#include "curl_handles.h"
#include "entrepot/base/synced.h"
#include "entrepot/fetch/client.h"
#include "transfer.h"

#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

namespace entrepot::fetch {

// start() may be called from any thread, also from a sink's, and after stop().
class Client::Loop {
 public:
  explicit Loop(const ClientOptions& options);
  ~Loop() { stop(); }

  // Once stopped, what is started ends at once with kStopping.
  void start(std::unique_ptr<Transfer> transfer);
  // Ends what runs with kStopping and joins the thread.
  void stop();

 private:
  struct Inbox {
    std::vector<std::unique_ptr<Transfer>> transfers;
    bool stopping = false;
  };

  void run();
  bool take_inbox();
  void begin(std::unique_ptr<Transfer> transfer);
  std::unique_ptr<Transfer> remove(Transfer* transfer);
  void end_finished();
  void end_overdue(TimePoint now);
  void wait();

  const MultiHandle multi_;  // the loop's thread only, but for curl_multi_wakeup
  Synced<Inbox> inbox_;

  // The loop's thread only:
  std::unordered_map<Transfer*, std::unique_ptr<Transfer>> running_;
  TimePoint wake_by_ = TimePoint::max();  // no deadline is before this

  std::thread thread_;
};

}  // namespace entrepot::fetch
