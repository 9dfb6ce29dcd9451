#include "entrepot/base/backoff.h"
#include "entrepot/base/clock.h"
#include "entrepot/base/counters.h"
#include "entrepot/base/hash.h"
#include "entrepot/base/log.h"
#include "entrepot/base/sizes.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace entrepot {
namespace {

using std::chrono::milliseconds;

TEST(Sizes, AreReadAsPeopleWriteThem) {
  const std::vector<std::pair<const char*, uint64_t>> rows = {
      {"0", 0}, {"512", 512}, {"512B", 512}, {"64KiB", 65536}, {"64k", 0}, {"1K", 1024}, {"10MB", 10'000'000},
      {"1.5GiB", 1'610'612'736}, {"2T", 2199023255552}, {"3 MiB", 3145728}};
  for (const auto& [text, bytes] : rows) {
    const auto parsed = parse_size(text);
    if (std::string_view(text) == "64k") {
      EXPECT_FALSE(parsed) << text;
    } else {
      ASSERT_TRUE(parsed) << text;
      EXPECT_EQ(*parsed, bytes) << text;
    }
  }
}

TEST(Sizes, NonsenseIsRefusedWithAHint) {
  for (const char* text : {"", "-1", "MiB", "1.2.3M", "5 parsecs", "99999999999T", "1e9", "nan"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("500MiB"), std::string::npos);
  }
}

TEST(Durations, AreReadInGosForm) {
  const std::vector<std::pair<const char*, int64_t>> rows = {
      {"0", 0}, {"300ms", 300}, {"60s", 60'000}, {"1m30s", 90'000}, {"168h", 604'800'000}, {"1.5h", 5'400'000}, {"2d", 172'800'000}};
  for (const auto& [text, count] : rows) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->count(), count) << text;
  }
  for (const char* text : {"", "60", "s", "1x", "-5s", "1m30", "..s"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Sizes, AreShownShort) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_duration(milliseconds(90'000)), "1m30s");
  EXPECT_EQ(format_duration(milliseconds(0)), "0s");
}

TEST(Hash, IsIncrementalAndCopyable) {
  Hash hash(HashAlgorithm::kSha256);
  hash.update(bytes_of("a"));
  Hash copy(hash);
  hash.update(bytes_of("bc"));
  EXPECT_EQ(to_hex(std::span(hash.value().data(), 32)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  copy.update(bytes_of("bc"));
  EXPECT_EQ(copy.value(), hash.value());
  EXPECT_EQ(to_hex(std::span(Hash(HashAlgorithm::kSha512).value().data(), 4)), "cf83e135");
}

TEST(Backoff, DoublesUpToItsMost) {
  const milliseconds first(100);
  const milliseconds most(1000);
  EXPECT_EQ(backoff_delay(1, first, most, 0).count(), 100);
  EXPECT_EQ(backoff_delay(3, first, most, 0).count(), 400);
  EXPECT_EQ(backoff_delay(9, first, most, 0).count(), 1000);
  EXPECT_EQ(backoff_delay(1'000'000, first, most, 0).count(), 1000);
  EXPECT_GE(backoff_delay(3, first, most, 0.99).count(), 200);
}

TEST(Clock, ShowsTimeAsRfc3339) {
  EXPECT_EQ(format_rfc3339(WallTime(milliseconds(1'795'467'116'123))), "2026-11-23T20:51:56.123Z");
}

TEST(Counter, SumsWhatAllThreadsAdded) {
  Counter counter;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10'000; ++k) counter.add();
    });
  }
  threads.clear();
  EXPECT_EQ(counter.value(), 80'000u);
}

// --- What a log line can and cannot be made to say ---

std::string line(LogOptions::Format format, LogFields fields) {
  LogOptions options;
  options.format = format;
  return format_log_line(options, WallTime(), "info", "request", fields);
}

TEST(Log, TextLinesQuoteWhatIsNotAPlainWord) {
  EXPECT_EQ(line(LogOptions::Format::kText, {{"a", "word"}, {"b", "two words"}, {"n", 7}}),
            "1970-01-01T00:00:00.000Z info  request a=word b=\"two words\" n=7");
}

TEST(Log, NothingSentFromOutsideForgesALine) {
  const std::string hostile = "x\n2026 error forged\x1b[31m\"";
  for (const auto format : {LogOptions::Format::kText, LogOptions::Format::kJson}) {
    const std::string text = line(format, {{"agent", hostile}});
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(text.find("\\u000a"), std::string::npos);
  }
}

TEST(Log, JsonLinesAreJsonWhateverBytesTheyHold) {
  EXPECT_EQ(line(LogOptions::Format::kJson, {{"name", "caf\xc3\xa9"}, {"bad", "\xff\xc3"}, {"size", 12}}),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"msg\":\"request\",\"name\":\"caf\xc3\xa9\",\"bad\":\"\\ufffd\\ufffd\",\"size\":12}");
}

TEST(Log, EveryLineCarriesTheConfiguredFields) {
  LogOptions options;
  options.fields = {{"site", "north"}};
  EXPECT_TRUE(format_log_line(options, WallTime(), "info", "up", {}).ends_with("up site=north"));
}

}  // namespace
}  // namespace entrepot
