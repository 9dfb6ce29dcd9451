// One turn: take what was handed over, let libcurl work, end what is finished or overdue, sleep
// until something happens. No tick: curl_multi_wakeup and the earliest deadline end the sleep.
#include "loop.h"

#include "entrepot/base/log.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace entrepot::fetch {
namespace {

using std::chrono::steady_clock;

MultiHandle make_multi(const ClientOptions& options) {
  MultiHandle multi(curl_multi_init());
  if (!multi) throw std::runtime_error("libcurl cannot be started");
  const size_t loops = std::max<size_t>(1, options.loops);
  const auto per_host = static_cast<long>(std::max<size_t>(1, (options.connections_per_host + loops - 1) / loops));
  // Room for a registry, its token service and the CDNs that it redirects to.
  const long total = 4 * per_host;
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, total);
  return multi;
}

}  // namespace

Client::Loop::Loop(const ClientOptions& options) : multi_(make_multi(options)) {
  thread_ = std::thread([this] { run(); });
}

void Client::Loop::stop() {
  if (!thread_.joinable()) return;
  inbox_.lock()->stopping = true;
  curl_multi_wakeup(multi_.get());
  thread_.join();
}

void Client::Loop::start(std::unique_ptr<Transfer> transfer) {
  {
    auto inbox = inbox_.lock();
    // Once stopping, nobody may look into the inbox again: the transfer ends here.
    if (!inbox->stopping) inbox->transfers.push_back(std::move(transfer));
  }
  if (!transfer) curl_multi_wakeup(multi_.get());
}

void Client::Loop::run() {
  while (take_inbox()) {
    // Overdue is what was so before libcurl's turn and has not moved in it: if a sink was slow,
    // the others are not blamed.
    const TimePoint now = steady_clock::now();
    int running = 0;
    const CURLMcode code = curl_multi_perform(multi_.get(), &running);
    if (code != CURLM_OK) log_error("libcurl's loop failed", {{"reason", curl_multi_strerror(code)}});
    end_finished();
    end_overdue(now);
    wait();
  }
  while (!running_.empty()) remove(running_.begin()->first).reset();
}

bool Client::Loop::take_inbox() {
  std::vector<std::unique_ptr<Transfer>> taken;
  bool stopping;
  {
    auto inbox = inbox_.lock();
    taken.swap(inbox->transfers);
    stopping = inbox->stopping;
  }
  if (stopping) return false;
  for (auto& transfer : taken) begin(std::move(transfer));
  return true;
}

void Client::Loop::begin(std::unique_ptr<Transfer> transfer) {
  if (Result<void> prepared = transfer->prepare(wake_by_); !prepared) return transfer->end(prepared.error());
  const CURLMcode code = curl_multi_add_handle(multi_.get(), transfer->handle());
  if (code != CURLM_OK) return transfer->end(Error{Error::Code::kInternal, curl_multi_strerror(code)});
  Transfer* key = transfer.get();
  running_.emplace(key, std::move(transfer));
}

std::unique_ptr<Transfer> Client::Loop::remove(Transfer* transfer) {
  curl_multi_remove_handle(multi_.get(), transfer->handle());
  return std::move(running_.extract(transfer).mapped());
}

void Client::Loop::end_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message does not outlive remove()
    char* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    remove(reinterpret_cast<Transfer*>(transfer))->end(code);
  }
}

void Client::Loop::end_overdue(TimePoint now) {
  if (now < wake_by_) return;
  std::vector<Transfer*> overdue;
  wake_by_ = TimePoint::max();
  for (const auto& [transfer, owner] : running_) {
    if (transfer->deadline() <= now) {
      overdue.push_back(transfer);
    } else {
      wake_by_ = std::min(wake_by_, transfer->deadline());
    }
  }
  for (Transfer* transfer : overdue) remove(transfer)->time_out();
}

void Client::Loop::wait() {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(1);
  auto limit = kLongest;
  if (wake_by_ != TimePoint::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake_by_ - steady_clock::now());
    limit = std::clamp(left, std::chrono::milliseconds(0), kLongest);
  }
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(limit.count()), nullptr);
}

}  // namespace entrepot::fetch
