#include "commands.h"
#include "entrepot/app/config.h"

#include <cstdio>

namespace entrepot::app {

int check_config_command(const std::string& file) {
  const auto loaded = load_config_file(file);
  if (!loaded) {
    for (const auto& problem : loaded.error()) std::fprintf(stderr, "%s\n", to_string(problem).c_str());
    return kExitUsage;
  }
  for (const auto& warning : loaded->warnings) std::printf("%s\n", to_string(warning).c_str());
  std::printf("%s: ok\n", file.c_str());
  return kExitOk;
}

}  // namespace entrepot::app
