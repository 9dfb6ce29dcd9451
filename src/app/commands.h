// One function a command of the command line; each returns the exit status.
#pragma once

#include <string>

namespace entrepot::app {

// 0: well; 1: something failed; 2: the configuration or the command line is wrong.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Serves until SIGTERM or SIGINT. `file` empty: /etc/entrepot/entrepot.yml if it is there, else the
// built-in defaults. `root`, if given, replaces storage.filesystem.rootdirectory.
int serve_command(const std::string& file, const std::string& root);
// Reads `file` and says everything that is wrong with it.
int check_config_command(const std::string& file);

}  // namespace entrepot::app
