#include "entrepot/base/log.h"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <memory>

namespace entrepot {
namespace {

constexpr size_t kQueuedLines = 8192;

struct State {
  LogOptions options;
  std::shared_ptr<spdlog::logger> logger;  // null until start_log: then lines are written at once
};

// The one piece of process-wide state: a log that had to be handed to every function would be
// handed to every function.
State& state() {
  static State state;
  return state;
}

// Length of the UTF-8 sequence at `text[i]`, 0 if it is not one (RFC 3629).
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  const auto follows = [&](size_t k) { return k < text.size() && (byte(k) & 0xC0) == 0x80; };
  const uint8_t lead = byte(i);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(i + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!follows(i + 1) || !follows(i + 2)) return 0;
    if (lead == 0xE0 && byte(i + 1) < 0xA0) return 0;
    if (lead == 0xED && byte(i + 1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!follows(i + 1) || !follows(i + 2) || !follows(i + 3)) return 0;
    if (lead == 0xF0 && byte(i + 1) < 0x90) return 0;
    if (lead == 0xF4 && byte(i + 1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool plain_word(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

void append_number(std::string& out, auto number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number);
  out.append(buffer, end.ptr);
}

void append_value(std::string& out, const LogField& field, bool quote_always) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (quote_always || !plain_word(*text)) {
      append_json_string(out, *text);
    } else {
      out += *text;
    }
  } else if (const auto* integer = std::get_if<int64_t>(&field.value)) {
    append_number(out, *integer);
  } else {
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::get<double>(field.value), std::chars_format::fixed, 6);
    out.append(buffer, end.ptr);
  }
}

std::string text_line(const LogOptions& options, WallTime time, std::string_view level, std::string_view event,
                      LogFields fields) {
  std::string line = format_rfc3339(time);
  line += ' ';
  line += level;
  line.append(level.size() < 6 ? 6 - level.size() : 1, ' ');
  line += event;
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field, false);
  }
  for (const auto& [key, value] : options.fields) {
    line += ' ';
    line += key;
    line += '=';
    append_value(line, {key, value}, false);
  }
  return line;
}

std::string json_line(const LogOptions& options, WallTime time, std::string_view level, std::string_view event,
                      LogFields fields) {
  const bool logstash = options.format == LogOptions::Format::kLogstash;
  std::string line = logstash ? R"({"@version":"1","@timestamp":")" : R"({"time":")";
  line += format_rfc3339(time);
  line += R"(","level":")";
  line += level;
  line += logstash ? R"(","message":)" : R"(","msg":)";
  append_json_string(line, event);
  const auto append = [&line](const LogField& field) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    append_value(line, field, true);
  };
  for (const auto& field : fields) append(field);
  for (const auto& [key, value] : options.fields) append({key, value});
  line += '}';
  return line;
}

void write_line(LogOptions::Level level, std::string_view name, std::string_view event, LogFields fields, bool always) {
  if (!always && !log_enabled(level)) return;
  const auto now = SystemClock().now();
  const std::string line = format_log_line(state().options, now, name, event, fields);
  if (state().logger) {
    state().logger->log(spdlog::level::info, line);
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const auto c = static_cast<unsigned char>(text[i]);
    if (length == 0) {
      out += "\\ufffd";
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out.append(text, i, length);
    }
    i += length;
  }
  out += '"';
}

std::string format_log_line(const LogOptions& options, WallTime time, std::string_view level, std::string_view event,
                            LogFields fields) {
  if (options.format == LogOptions::Format::kText) return text_line(options, time, level, event, fields);
  return json_line(options, time, level, event, fields);
}

void start_log(const LogOptions& options) {
  state().options = options;
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  state().logger = std::make_shared<spdlog::async_logger>("entrepot", sink, spdlog::thread_pool(),
                                                          spdlog::async_overflow_policy::overrun_oldest);
  state().logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  state().logger->flush_on(spdlog::level::err);
}

void stop_log() {
  if (state().logger) state().logger->flush();
  state().logger.reset();
  spdlog::shutdown();
}

bool log_enabled(LogOptions::Level level) { return level <= state().options.level; }

void log_error(std::string_view event, LogFields fields) {
  write_line(LogOptions::Level::kError, "error", event, fields, false);
}
void log_warn(std::string_view event, LogFields fields) {
  write_line(LogOptions::Level::kWarn, "warn", event, fields, false);
}
void log_info(std::string_view event, LogFields fields) {
  write_line(LogOptions::Level::kInfo, "info", event, fields, false);
}
void log_debug(std::string_view event, LogFields fields) {
  write_line(LogOptions::Level::kDebug, "debug", event, fields, false);
}
void log_access(LogFields fields) { write_line(LogOptions::Level::kInfo, "access", "request", fields, true); }

}  // namespace entrepot
