// The program's log: one line an event, as text or JSON, on standard error.
//
// Values are escaped, so that nothing a client or an upstream sends can forge a line or an
// escape sequence. Thread-safe; lines are handed to a thread of their own (a full queue drops the
// oldest lines rather than delay a request).
#pragma once

#include "entrepot/base/clock.h"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace entrepot {

struct LogOptions {
  enum class Level { kError, kWarn, kInfo, kDebug };
  enum class Format { kText, kJson, kLogstash };
  Level level = Level::kInfo;
  Format format = Format::kText;
  // Added to every line (log.fields).
  std::vector<std::pair<std::string, std::string>> fields;
};

struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const std::string& text) : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  template <std::integral T>
  LogField(std::string_view name, T number) : key(name), value(static_cast<int64_t>(number)) {}
  LogField(std::string_view name, double number) : key(name), value(number) {}

  std::string_view key;
  std::variant<std::string_view, int64_t, double> value;
};
using LogFields = std::initializer_list<LogField>;

// Before this is called, lines go out as text from level info on.
void start_log(const LogOptions& options);
// Writes out what is queued. Called once, at the end of main.
void stop_log();

bool log_enabled(LogOptions::Level level);
void log_error(std::string_view event, LogFields fields = {});
void log_warn(std::string_view event, LogFields fields = {});
void log_info(std::string_view event, LogFields fields = {});
void log_debug(std::string_view event, LogFields fields = {});
// A line of the access log: independent of the level.
void log_access(LogFields fields);

// Appends `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// One line without its end, as the log would write it. Pure; exposed for tests.
std::string format_log_line(const LogOptions& options, WallTime time, std::string_view level, std::string_view event,
                            LogFields fields);

}  // namespace entrepot
