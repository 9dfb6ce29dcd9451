// Includes point down: a room includes only the rooms that stand below it in the design.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ENTREPOT_SOURCE_DIR;

// The one table. A room may always include itself.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {}},
    {"oci", {"base"}},
    {"fetch", {"base"}},
    {"serve", {"base"}},
    {"store", {"base", "oci"}},
    {"upstream", {"base", "oci", "fetch"}},
    {"pull", {"base", "oci", "fetch", "store", "upstream"}},
    {"api", {"base", "oci", "serve", "store", "upstream", "pull"}},
    {"admin", {"base", "oci", "fetch", "serve", "store", "upstream", "pull"}},
    {"app", {"base", "oci", "fetch", "serve", "store", "upstream", "pull", "api", "admin"}},
};

// Each third-party library is named in one room.
const std::map<std::string, std::set<std::string>> kLibraryRooms = {
    {"curl/", {"fetch"}},        {"rocksdb/", {"store"}},   {"boost/beast", {"base", "serve"}},
    {"openssl/", {"base"}},      {"spdlog/", {"base"}},     {"yaml-cpp/", {"app"}},
    {"CLI/", {"app"}},           {"libpsl.h", {"upstream"}},
};

struct Include {
  std::string file;
  std::string room;
  std::string target;
};

std::vector<Include> all_includes() {
  std::vector<Include> includes;
  const std::regex pattern(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
  for (const fs::path top : {kRoot / "include/entrepot", kRoot / "src"}) {
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cc") continue;
      const std::string room = fs::relative(entry.path(), top).begin()->string();
      std::ifstream file(entry.path());
      std::string line;
      std::smatch match;
      while (std::getline(file, line)) {
        if (std::regex_search(line, match, pattern)) includes.push_back({entry.path().string(), room, match[1]});
      }
    }
  }
  return includes;
}

TEST(Layering, EveryRoomIsInTheTable) {
  for (const auto& include : all_includes()) EXPECT_TRUE(kMayInclude.contains(include.room)) << include.file;
}

TEST(Layering, IncludesPointDown) {
  const auto includes = all_includes();
  ASSERT_GT(includes.size(), 100u);
  for (const auto& include : includes) {
    if (!include.target.starts_with("entrepot/")) continue;
    const std::string target = include.target.substr(9, include.target.find('/', 9) - 9);
    const bool allowed = target == include.room || kMayInclude.at(include.room).contains(target);
    EXPECT_TRUE(allowed) << include.file << " includes " << include.target;
  }
}

TEST(Layering, ALibraryIsNamedInItsRoomOnly) {
  for (const auto& include : all_includes()) {
    for (const auto& [library, rooms] : kLibraryRooms) {
      if (!include.target.starts_with(library)) continue;
      EXPECT_TRUE(rooms.contains(include.room)) << include.file << " includes " << include.target;
    }
  }
}

TEST(Layering, ADependencyInCMakeIsOneInTheTable) {
  const std::regex depends(R"(DEPENDS((\s+[a-z]+)+))");
  for (const auto& [room, allowed] : kMayInclude) {
    std::ifstream file(kRoot / "src" / room / "CMakeLists.txt");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    ASSERT_FALSE(text.empty()) << room;
    std::smatch match;
    if (!std::regex_search(text, match, depends)) continue;
    std::istringstream words(match[1]);
    for (std::string word; words >> word;) EXPECT_TRUE(allowed.contains(word)) << room << " depends on " << word;
  }
}

}  // namespace
