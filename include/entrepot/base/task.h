// Task<T>: a coroutine that runs on one worker's executor and never changes thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string_view>

namespace entrepot {

using Executor = boost::asio::io_context::executor_type;

template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

// The completion token for asynchronous operations inside a Task.
inline constexpr boost::asio::use_awaitable_t<Executor> use_task;

// Runs `task` on `executor` on its own. An exception that leaves it is a bug: it is logged under
// `name`, not swallowed. The only spawn in the program.
void spawn_logged(Executor executor, Task<> task, std::string_view name);

// Suspends for `milliseconds` on the calling coroutine's executor.
Task<> sleep_for(int milliseconds);

}  // namespace entrepot
