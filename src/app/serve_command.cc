#include "commands.h"
#include "entrepot/app/app.h"
#include "entrepot/app/config.h"
#include "entrepot/base/log.h"
#include "version.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>

namespace entrepot::app {
namespace {

constexpr const char* kDefaultFile = "/etc/entrepot/entrepot.yml";

// Nothing if there are errors, which are printed.
std::optional<LoadedConfig> choose_config(const std::string& file) {
  std::string chosen = file;
  if (chosen.empty() && ::access(kDefaultFile, F_OK) == 0) chosen = kDefaultFile;
  if (chosen.empty()) return LoadedConfig{built_in_config(), {}};
  auto loaded = load_config_file(chosen);
  if (loaded) return std::move(*loaded);
  for (const auto& problem : loaded.error()) std::fprintf(stderr, "%s\n", to_string(problem).c_str());
  return std::nullopt;
}

// "HOST:PORT" with the port that was really taken.
std::string listened_on(const std::string& address, uint16_t port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

sigset_t ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

int serve_command(const std::string& file, const std::string& root) {
  auto loaded = choose_config(file);
  if (!loaded) return kExitUsage;
  Config& config = loaded->config;
  if (!root.empty()) config.root_directory = root;

  // Before any thread starts, so that all of them inherit it: the main thread waits for these.
  const sigset_t signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // sendfile has no flag for it
  ::signal(SIGHUP, SIG_IGN);

  start_log(config.log);
  for (const auto& warning : loaded->warnings) log_warn("configuration", {{"problem", to_string(warning)}});
  auto app = App::start(config);
  if (!app) {
    log_error("the mirror cannot start", {{"error", app.error().message}});
    stop_log();
    return app.error().code == Error::Code::kInvalid ? kExitUsage : kExitFailed;
  }
  log_info("serving", {{"version", kVersion},
                       {"address", listened_on(config.http.address, (*app)->port())},
                       {"debug", listened_on(config.debug.address, (*app)->debug_port())},
                       {"upstream", config.upstream ? config.upstream->remote_url : "none: only what is held"},
                       {"root", config.root_directory}});
  int signal = 0;
  ::sigwait(&signals, &signal);
  log_info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  app->reset();
  log_info("stopped");
  stop_log();
  return kExitOk;
}

}  // namespace entrepot::app
