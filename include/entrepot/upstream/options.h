// One upstream registry, as configured.
#pragma once

#include "entrepot/fetch/request.h"

#include <string>
#include <vector>

namespace entrepot::upstream {

struct Options {
  // What the registry is called in image names, in logs and in the catalog: "docker.io", "ghcr.io",
  // "registry.example:5000". Never changes for the same registry, whatever mirror speaks for it.
  std::string name;
  // Where it is asked: scheme, host, port and an optional path, no trailing slash.
  std::string remote_url;
  std::string username;  // empty: anonymous
  std::string password;
  fetch::Timeouts timeouts;
  // Attempts for a small request that failed in a way that may pass.
  int attempts = 3;
};

}  // namespace entrepot::upstream
