#include "commands.h"
#include "version.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

using namespace entrepot::app;

int main(int argc, char** argv) {
  CLI::App cli("entrepot: a caching pull-through mirror for container images");
  cli.require_subcommand(1);
  std::string file;
  std::string root;

  auto* serve = cli.add_subcommand("serve", "Serve until SIGTERM or SIGINT");
  serve->add_option("FILE", file, "Configuration (default: /etc/entrepot/entrepot.yml, else a mirror of Docker Hub on port 5000)");
  serve->add_option("--root", root, "Data folder, instead of storage.filesystem.rootdirectory");
  auto* check = cli.add_subcommand("check-config", "Say everything that is wrong with a configuration");
  check->add_option("FILE", file, "Configuration")->required();
  cli.add_subcommand("version", "Print the version");

  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (serve->parsed()) return serve_command(file, root);
  if (check->parsed()) return check_config_command(file);
  std::printf("entrepot %s\n", std::string(kVersion).c_str());
  return kExitOk;
}
