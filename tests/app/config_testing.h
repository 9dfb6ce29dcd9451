// What the tests of the configuration share.
#pragma once

#include "entrepot/app/config.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::app {

inline std::vector<std::string> lines_of(const std::vector<ConfigProblem>& problems) {
  std::vector<std::string> lines;
  for (const auto& problem : problems) lines.push_back(to_string(problem));
  return lines;
}

// What is said of `text` as the file "c.yml": errors, or else warnings.
inline std::vector<std::string> problems_of(std::string_view text) {
  const auto loaded = load_config(text, "c.yml");
  return lines_of(loaded.has_value() ? loaded->warnings : loaded.error());
}

// A file of the right version that must load.
inline LoadedConfig load_good(const std::string& text) {
  auto loaded = load_config("version: 0.1\n" + text, "c.yml");
  EXPECT_TRUE(loaded.has_value()) << text << "\n" << ::testing::PrintToString(problems_of("version: 0.1\n" + text));
  return loaded.has_value() ? *loaded : LoadedConfig{};
}

inline void print(std::ostream& out, const serve::Options& o) {
  out << o.address << " connections " << o.max_connections << " line " << o.max_request_line << " head " << o.max_head
      << " body " << o.max_drained_body << " ms " << o.head_timeout.count() << " " << o.idle_timeout.count() << " "
      << o.write_timeout.count() << "\n";
}

// Every field, one after another: two configurations are equal if and only if these are.
inline std::string printed(const Config& config) {
  std::ostringstream out;
  out << "log " << static_cast<int>(config.log.level) << " " << static_cast<int>(config.log.format);
  for (const auto& [name, value] : config.log.fields) out << " " << name << "=" << value;
  out << " access " << config.access_log << "\nroot " << config.root_directory << "\nhttp ";
  print(out, config.http);
  out << "drain " << config.drain_timeout.count() << " workers " << config.workers << "\ndebug ";
  print(out, config.debug);
  for (const auto& name : config.debug_names) out << "debug name " << name << "\n";
  if (const auto& up = config.upstream) {
    out << "upstream " << up->name << " " << up->remote_url << " '" << up->username << "' '" << up->password << "' ms "
        << up->timeouts.connect.count() << " " << up->timeouts.head.count() << " " << up->timeouts.stall.count()
        << " attempts " << up->attempts << "\n";
  }
  for (const auto& name : config.namespaces) out << "namespace " << name << "\n";
  out << "freshness " << config.freshness.count() << " revalidate " << config.revalidate_timeout.count() << "\n";
  return out.str();
}

}  // namespace entrepot::app
