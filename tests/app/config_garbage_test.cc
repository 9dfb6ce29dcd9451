// Whatever a file holds: errors, soon and with little memory, and never an exception.
#include "app/config_testing.h"
#include "entrepot/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace entrepot::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string repeat(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string shipped_file() {
  std::ifstream file(std::string(ENTREPOT_SOURCE_DIR) + "/conf/entrepot.yml");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ConfigGarbage, WhatIsNotYamlIsOneErrorWithItsLine) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const Row rows[] = {
      {"version: 0.1\nhttp:\n\taddr: x\n", "c.yml:3: not YAML: a tab indents this line; use spaces"},
      {"version: 0.1\nhttp: {addr: x\n", "not YAML: end of map flow not found"},
      {"version: 0.1\nhttp:\n  addr: a: b\n", "c.yml:3: not YAML: illegal map value"},
      {"version: 0.1\nhttp:\n    addr: a\n  net: b\n", "c.yml:4: not YAML: "},
      {"version: 0.1\nlog: *nothing\n", "c.yml:2: not YAML: an alias without its anchor"},
      {"version: 0.1\nlog: &a [*a]\n", "c.yml:2: an alias to something it is part of"},
      {"version: 0.1\n---\nversion: 0.1\n", "c.yml:2: a second document begins here; only one is allowed"},
      {"version: 0.1\nhttp: \x1b[31m\n", "c.yml:2: a control character; a configuration is text in UTF-8"},
      {"version: 0.1\nhttp: \x04\n", "c.yml:2: a control character"},
      {"version: 0.1\nhttp:\n  <<: 5\n", "c.yml:3: '<<' takes an alias of a map, or a list of them"},
  };
  for (const auto& row : rows) EXPECT_THAT(problems_of(row.text), ElementsAre(HasSubstr(row.problem))) << row.text;
  EXPECT_THAT(problems_of(std::string("version: 0.1\0", 13)), ElementsAre(HasSubstr("c.yml:1: a control character")));
}

TEST(ConfigGarbage, KeysThatAreNotText) {
  EXPECT_THAT(problems_of("version: 0.1\nhttp:\n  [a]: b\n"), ElementsAre("c.yml:3: http: a key here is not text"));
  EXPECT_THAT(problems_of("version: 0.1\n~: b\n"), ElementsAre("c.yml:2: a key here is not text"));
  // What goes to a terminal holds nothing that could steer it, and no end.
  const auto problems = problems_of("version: 0.1\n\"\\e[31m\\n" + repeat("x", 1000) + "\": 1\n");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], AllOf(StartsWith("c.yml:2: ?[31m?xxx"), HasSubstr("unknown key")));
  EXPECT_LT(problems[0].size(), 400u);
}

TEST(ConfigGarbage, MergeKeysAndAliasesAreFollowed) {
  const auto loaded = load_good(
      "http: {limits: &l {headtimeout: 7s, idletimeout: 8s}, draintimeout: &d 9s}\n"
      "cache: {freshness: *d}\n");
  EXPECT_EQ(loaded.config.freshness.count(), 9000);
  const auto merged = load_good(
      "log: {fields: &f {a: 1, b: 2}}\n"
      "http: {limits: {<<: {headtimeout: 7s, idletimeout: 8s}, headtimeout: 1s}}\n");
  EXPECT_EQ(merged.config.http.head_timeout.count(), 1000);
  EXPECT_EQ(merged.config.http.idle_timeout.count(), 8000);
}

TEST(ConfigGarbage, SizeDepthAndAliasesAreBounded) {
  EXPECT_THAT(problems_of(std::string(1024 * 1024 + 1, ' ')), ElementsAre("c.yml: larger than 1 MiB"));
  EXPECT_THAT(problems_of(repeat("[", 40) + repeat("]", 40)), ElementsAre("c.yml:1: nested deeper than 32 levels"));

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string inner = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + inner + repeat(", " + inner, 9) + "]\n";
  }
  EXPECT_THAT(problems_of(bomb), ElementsAre(HasSubstr("more than 100000 values (aliases counted)")));

  std::string tower = "a0: &a0 [x]\n";  // deep by aliases alone
  for (int i = 1; i < 60; ++i) {
    tower += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(problems_of(tower), ElementsAre(HasSubstr("nested deeper than 32 levels")));
}

TEST(ConfigGarbage, LargeFilesEndSoon) {
  const std::string pieces[] = {"[",  "{",    "- ",  "? ",   "a: ",  "a: {", "&a ",  "*a ",          "!",
                                "!!", "'",    "\"",  "|\n",  ">\n",  "%",    "\n",   "---\n",        ", ",
                                "]",  "<<: ", "x\n", "- - ", "a:\n", "\t",   "\xff", "\xef\xbb\xbf", "#"};
  for (const auto& piece : pieces) {
    problems_of(repeat(piece, 100'000 / piece.size()));
    problems_of("version: 0.1\nhttp: " + repeat(piece, 100'000 / piece.size()));
  }
}

TEST(ConfigGarbage, BrokenCopiesOfARealFileNeverThrow) {
  const std::string good = shipped_file();
  ASSERT_FALSE(good.empty());
  for (size_t size = 0; size < good.size(); size += 7) problems_of(good.substr(0, size));

  std::mt19937 random(20261123);
  const auto pick = [&](size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random); };
  const std::string tokens[] = {"{",  "}", "[",  "]",    ":",        ": ",  "- ",      "&a",    "*a", "<<",
                                "\"", "'", "\n", "  ",   "|",        ">",   "!",       "%",     "?",  "#",
                                ",",  "~", "\\", "\xc3", "\x00\x01", "0.1", "version", "---\n", "\t"};
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (size_t edits = 1 + pick(6); edits > 0; --edits) {
      const size_t at = pick(text.size());
      switch (pick(4)) {
        case 0: text.erase(at, pick(20)); break;
        case 1: text.insert(at, tokens[pick(std::size(tokens))]); break;
        case 2: text[at] = static_cast<char>(pick(256)); break;
        default: text.insert(at, text.substr(pick(text.size()), pick(60))); break;
      }
      if (text.empty()) text = " ";
    }
    problems_of(text);
  }
}

}  // namespace
}  // namespace entrepot::app
