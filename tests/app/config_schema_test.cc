// The table of keys holds together, and what is shipped names all that can be set.
#include "app/config_schema.h"

#include "app/config_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

namespace entrepot::app {
namespace {

using ::testing::HasSubstr;
using Use = KnownKey::Use;
using Kind = KnownKey::Kind;

const SchemaEntry* entry_at(std::string_view path) {
  for (const auto& entry : schema()) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

TEST(ConfigSchema, EveryKeyStandsOnceAndInASection) {
  std::set<std::string> paths;
  for (const auto& entry : schema()) {
    EXPECT_TRUE(paths.insert(entry.path).second) << entry.path << " twice";
    if (entry.parent.empty()) continue;
    const SchemaEntry* parent = entry_at(entry.parent);
    ASSERT_NE(parent, nullptr) << entry.path << " has no parent";
    const auto kind = parent->key->kind;
    EXPECT_TRUE(entry.name == "[]" ? kind == Kind::kList : kind == Kind::kMap || kind == Kind::kNamed) << entry.path;
  }
}

TEST(ConfigSchema, EveryKeyIsSetOrItIsSaidWhyNot) {
  for (const auto& entry : schema()) {
    EXPECT_EQ(entry.key->set != nullptr, entry.key->use == Use::kSet) << entry.path;
    EXPECT_EQ(entry.key->reason.empty(), entry.key->use == Use::kPart || entry.key->use == Use::kSet) << entry.path;
    bool explained = false;
    for (const SchemaEntry* at = &entry; at != nullptr; at = at->parent.empty() ? nullptr : entry_at(at->parent)) {
      const bool said = !at->key->reason.empty();
      EXPECT_FALSE(explained && said) << entry.path << " gets two warnings";
      explained = explained || said;
    }
    const bool is_value = entry.key->kind == Kind::kScalar || entry.key->kind == Kind::kScalars;
    if (!is_value) continue;
    EXPECT_NE(explained, entry.key->set != nullptr) << entry.path;
  }
}

TEST(ConfigSchema, TheShippedFileNamesEveryKeyThatIsSet) {
  std::ifstream file(std::string(ENTREPOT_SOURCE_DIR) + "/conf/entrepot.yml");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto parsed = parse_yaml(text);
  ASSERT_TRUE(std::holds_alternative<YamlPointer>(parsed));
  std::set<std::string> named;
  const auto collect = [&](const auto& self, const YamlNode& node, const std::string& path) -> void {
    for (const auto& [key, value] : node.entries) {
      const std::string here = path + (path.empty() ? "" : ".") + key->text;
      named.insert(here);
      self(self, *value, here);
    }
  };
  collect(collect, *std::get<YamlPointer>(parsed), "");
  for (const auto& entry : schema()) {
    if (entry.key->use != Use::kSet || entry.name == "*" || entry.path == "loglevel") continue;  // the old name
    EXPECT_EQ(named.count(entry.path), 1u) << entry.path;
  }
}

TEST(ConfigSchema, SuggestsByEditDistance) {
  EXPECT_EQ(suggest_key("log", "levle"), "did you mean 'level'?");
  EXPECT_EQ(suggest_key("log", "FORMAT"),
            "the nearest one is 'formatter'; known here: level, formatter, fields, accesslog, "
            "hooks, reportcaller");
  EXPECT_THAT(suggest_key("", std::string(100'000, 'x')), HasSubstr("known here: version, log"));
}

}  // namespace
}  // namespace entrepot::app
