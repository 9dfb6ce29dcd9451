// Owns everything, in the order in which it is built.
#pragma once

#include "entrepot/app/config.h"
#include "entrepot/base/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace entrepot::app {

// The running mirror. start() and stop() are called on the main thread.
class App {
 public:
  // Opens the store and begins to serve. Errors name what cannot be opened or listened on, and why.
  static Result<std::unique_ptr<App>> start(const Config& config);
  ~App();  // stop()

  // No new connection; running responses finish within the drain time-out; partial fills are kept.
  void stop();

  uint16_t port() const;        // of http.addr
  uint16_t debug_port() const;  // of http.debug.addr

 private:
  struct Parts;
  explicit App(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace entrepot::app
