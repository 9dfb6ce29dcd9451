#include "entrepot/base/task.h"

#include "entrepot/base/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <string>

namespace entrepot {
namespace asio = boost::asio;

void spawn_logged(Executor executor, Task<> task, std::string_view name) {
  auto on_end = [name = std::string(name)](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log_error("a task ended by an exception", {{"task", name}, {"error", e.what()}});
    }
  };
  asio::co_spawn(executor, std::move(task), std::move(on_end));
}

Task<> sleep_for(int milliseconds) {
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, std::chrono::milliseconds(milliseconds));
  co_await timer.async_wait(use_task);
}

}  // namespace entrepot
