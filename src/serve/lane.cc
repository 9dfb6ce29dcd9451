#include "lane.h"

#include "connection.h"
#include "stream.h"

#include <algorithm>
#include <cstdio>

namespace entrepot::serve {
namespace {

using namespace std::chrono_literals;

constexpr size_t kScratch = 64 * 1024;

// A deadline is overrun by at most a quarter of itself, or a second.
std::chrono::milliseconds tick(const Options& options) {
  const auto shortest = std::min({options.head_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp<std::chrono::milliseconds>(shortest / 4, 5ms, 1s);
}

// By hand: strftime's names depend on the locale.
void format_date(std::time_t now, char* out, size_t size) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::snprintf(out, size, "%s, %02u %s %04u %02u:%02u:%02u GMT", kDays[utc.tm_wday], utc.tm_mday % 100u,
                kMonths[utc.tm_mon], (utc.tm_year + 1900) % 10000u, utc.tm_hour % 100u, utc.tm_min % 100u,
                utc.tm_sec % 100u);
}

}  // namespace

// An empty line may stand before a head: the buffer is that much larger.
Lane::Lane(Executor executor, std::shared_ptr<Shared> shared)
    : executor_(executor),
      shared_(std::move(shared)),
      shelf_(std::max<size_t>(options().max_head + 16, 4096)),
      scratch_(kScratch),
      timer_(executor) {}

std::string_view Lane::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    format_date(now, date_, sizeof date_);
    date_second_ = now;
  }
  return date_;
}

void Lane::add(Connection& connection) {
  connection.set_index(connections_.size());
  connections_.push_back(&connection);
  if (sweeping_) return;
  sweeping_ = true;
  spawn_logged(executor_, sweep(shared_from_this()), "deadline sweep");
}

void Lane::remove(Connection& connection) {
  const size_t index = connection.index();
  connections_[index] = connections_.back();
  connections_[index]->set_index(index);
  connections_.pop_back();
}

// Runs only while there are connections: an idle server does not wake.
Task<> Lane::sweep(std::shared_ptr<Lane> self) {
  while (!self->connections_.empty()) {
    self->timer_.expires_after(tick(self->options()));
    co_await self->timer_.async_wait(use_tuple);
    self->check_deadlines();
  }
  self->sweeping_ = false;
}

// None of the three changes the list: what ends a connection runs later.
void Lane::check_deadlines() {
  const auto now = std::chrono::steady_clock::now();
  for (Connection* connection : connections_) connection->check_deadline(now);
}

void Lane::begin_drain() {
  draining_ = true;
  for (Connection* connection : connections_) connection->close_if_idle();
}

void Lane::cut() {
  for (Connection* connection : connections_) connection->cut();
}

Seat::Seat(std::shared_ptr<Lane> lane, Gate::Pass pass) : lane_(std::move(lane)), pass_(std::move(pass)) {
  lane_->load_.fetch_add(1, std::memory_order_relaxed);
}

Seat::~Seat() {
  if (lane_) lane_->load_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace entrepot::serve
