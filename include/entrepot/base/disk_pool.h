// The one place where blocking work may go: a pool of threads for the disk.
#pragma once

#include "entrepot/base/gate.h"
#include "entrepot/base/result.h"
#include "entrepot/base/task.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace entrepot {

// Thread-safe. Outlives everyone who awaits run().
class DiskPool {
 public:
  explicit DiskPool(size_t threads) : pool_(threads) {}
  ~DiskPool() { stop(); }

  // Runs `work` on the pool and resumes the caller on its own worker with what it returned: a
  // Result<X>, which is kInternal if `work` threw, and kStopping after stop().
  template <class Work>
  Task<std::invoke_result_t<Work&>> run(Work work) {
    using R = std::invoke_result_t<Work&>;
    auto start = [this](auto handler, Work given) {
      const auto executor = boost::asio::get_associated_executor(handler);
      auto pass = gate_.enter();
      if (!pass) {
        auto refuse = [handler = std::move(handler)]() mutable {
          std::move(handler)(R(Error{Error::Code::kStopping, "the mirror is stopping"}));
        };
        boost::asio::post(executor, std::move(refuse));
        return;
      }
      auto job = [executor, handler = std::move(handler), work = std::move(given), pass = std::move(pass)]() mutable {
        auto resume = [handler = std::move(handler), result = guarded(work)]() mutable {
          std::move(handler)(std::move(result));
        };
        boost::asio::post(executor, std::move(resume));
      };
      boost::asio::post(pool_, std::move(job));
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(R)>(std::move(start), use_task,
                                                                                              std::move(work));
  }

  // Runs `work` some time, with nobody waiting for it; not at all after stop().
  template <class Work>
  void post(Work work) {
    auto pass = gate_.enter();
    if (!pass) return;
    auto job = [work = std::move(work), pass = std::move(pass)]() mutable { work(); };
    boost::asio::post(pool_, std::move(job));
  }

  // Takes nothing more, and returns when what was taken is done.
  void stop() {
    gate_.close();
    pool_.join();
  }

 private:
  template <class Work>
  static std::invoke_result_t<Work&> guarded(Work& work) {
    try {
      return work();
    } catch (const std::exception& e) {
      return Error{Error::Code::kInternal, std::string("unexpected failure in disk work: ") + e.what()};
    }
  }

  Gate gate_;
  boost::asio::thread_pool pool_;
};

}  // namespace entrepot
