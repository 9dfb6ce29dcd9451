// The configuration: a YAML file with the keys of the distribution registry (registry:2, registry:3), and a few of
// our own, becomes the options structs of the rooms. No room below reads the file.
//
// Pure but for load_config_file; never throws on what a file holds. conf/entrepot.yml lists every key that is used.
#pragma once

#include "entrepot/base/log.h"
#include "entrepot/serve/options.h"
#include "entrepot/upstream/options.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::app {

struct Config {
  LogOptions log;                                    // log.level, log.formatter, log.fields
  bool access_log = true;                            // log.accesslog.disabled, turned round
  std::string root_directory = "/var/lib/entrepot";  // storage.filesystem.rootdirectory

  serve::Options http;                              // http.addr, http.limits
  std::chrono::milliseconds drain_timeout{30'000};  // http.draintimeout: how long running responses may take at the end
  size_t workers = 0;                               // http.workers; 0: one a core
  // http.debug.addr. People and scripts with small requests; its limits are not configurable.
  serve::Options debug{.address = "127.0.0.1:5001",
                       .max_connections = 64,
                       .max_request_line = 4 * 1024,
                       .max_head = 16 * 1024,
                       .max_drained_body = 16 * 1024};
  // http.debug.names: what requests there may name in Host besides its own address and loopback. Host names
  // in lower case, without a port.
  std::vector<std::string> debug_names;

  // proxy.remoteurl, username, password, timeouts. None: what is held is served, and nothing else.
  std::optional<upstream::Options> upstream;
  // Values of `?ns=` that `upstream` answers to besides its own name, in lower case: proxy.namespaces, and Docker
  // Hub's three names if it is Docker Hub or one of them is listed. Empty without an upstream.
  std::vector<std::string> namespaces;

  std::chrono::milliseconds freshness{60'000};          // cache.freshness: how long a tag is believed
  std::chrono::milliseconds revalidate_timeout{2'000};  // cache.revalidatetimeout: then the tag that is held is served
};

// What is used when there is no file at all: a mirror of Docker Hub.
Config built_in_config();

// Something in a file that is wrong (an error) or has no effect (a warning). Never holds a password, nor any
// other value that could be one.
struct ConfigProblem {
  std::string file;
  int line = 0;         // from 1; 0: not about a line
  std::string key;      // "http.limits.head", "notifications.endpoints[0].name"; empty: about the file
  std::string message;  // what is wrong and what is allowed
};
// "FILE:LINE: KEY: MESSAGE", without what is not known.
std::string to_string(const ConfigProblem& problem);

struct LoadedConfig {
  Config config;
  std::vector<ConfigProblem> warnings;  // by line; one for each key that is known but has no meaning here
};
// All errors at once, by line.
using LoadConfigResult = boost::system::result<LoadedConfig, std::vector<ConfigProblem>>;

// `file_name` is for the problems only.
LoadConfigResult load_config(std::string_view text, std::string_view file_name);
LoadConfigResult load_config_file(const std::string& path);

}  // namespace entrepot::app
