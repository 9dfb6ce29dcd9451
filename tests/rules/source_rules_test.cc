// Patterns that this compiler miscompiles in coroutines, or that this code base does without.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Rule {
  const char* name;
  std::regex pattern;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> rules = {
      {"a capturing lambda in a co_await expression is destroyed twice by GCC 12 (PR101367)", std::regex(R"(co_await[^;]*\[[^\]\s]+\]\s*[({])")},
      {"a braced argument of an awaited call is destroyed twice by GCC 12: name it first", std::regex(R"(co_await[^;{}]*[(,]\s*\{[^}])")},
      {"co_await in a conditional expression", std::regex(R"(co_await[^;{}]*\s\?\s)")},
      {"`detached` swallows exceptions: use spawn_logged", std::regex(R"(\bdetached\b)")},
      {"no sleeping to synchronise", std::regex(R"(this_thread::sleep)")},
      {"no endless to-do lists", std::regex(R"(\b(TODO|FIXME|XXX|HACK)\b)")},
  };
  return rules;
}

std::string code_without_comments(const fs::path& path) {
  std::ifstream file(path);
  std::string code;
  for (std::string line; std::getline(file, line);) code += line.substr(0, line.find("//")) + "\n";
  return code;
}

TEST(SourceRules, NoSourceHoldsABannedPattern) {
  size_t files = 0;
  for (const char* top : {"src", "include"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(ENTREPOT_SOURCE_DIR) / top)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cc") continue;
      ++files;
      const std::string code = code_without_comments(entry.path());
      for (const auto& rule : rules()) {
        std::smatch match;
        EXPECT_FALSE(std::regex_search(code, match, rule.pattern)) << entry.path() << ": " << rule.name << ": " << match.str();
      }
    }
  }
  EXPECT_GT(files, 50u);
}

}  // namespace
