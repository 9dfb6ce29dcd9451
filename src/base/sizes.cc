#include "entrepot/base/sizes.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

namespace entrepot {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 14> kSizeUnits{{{"", 1},
                                           {"B", 1},
                                           {"K", 1024.0},
                                           {"KB", 1e3},
                                           {"KiB", 1024.0},
                                           {"M", 1048576.0},
                                           {"MB", 1e6},
                                           {"MiB", 1048576.0},
                                           {"G", 1073741824.0},
                                           {"GB", 1e9},
                                           {"GiB", 1073741824.0},
                                           {"T", 1099511627776.0},
                                           {"TB", 1e12},
                                           {"TiB", 1099511627776.0}}};
constexpr std::array<Unit, 7> kDurationUnits{
    {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}}};

constexpr double kLargest = 9e15;  // exact in a double, and 9 petabytes or 285,000 years

// Takes digits with an optional fraction off the front.
bool take_number(std::string_view& text, double& number) {
  const size_t end = text.find_first_not_of("0123456789.");
  const auto digits = text.substr(0, end);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return false;
  text.remove_prefix(digits.size());
  return true;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  double number = 0;
  if (take_number(rest, number)) {
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    for (const auto& unit : kSizeUnits) {
      if (rest == unit.name && number * unit.factor <= kLargest) return static_cast<uint64_t>(number * unit.factor);
    }
  }
  return Error{Error::Code::kInvalid, "'" + std::string(text) + "' is not a size (write 500MiB, 10GB or 1T)"};
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  const Error wrong{Error::Code::kInvalid, "'" + std::string(text) + "' is not a duration (write 500ms, 60s, 5m or 1h30m)"};
  std::string_view rest = text;
  double total = 0;
  if (rest.empty()) return wrong;
  while (!rest.empty()) {
    double number = 0;
    if (!take_number(rest, number)) return wrong;
    const auto name = rest.substr(0, rest.find_first_of("0123456789."));
    const Unit* found = nullptr;
    for (const auto& unit : kDurationUnits) {
      if (unit.name == name) found = &unit;
    }
    if (found == nullptr) return wrong;
    total += number * found->factor;
    rest.remove_prefix(name.size());
  }
  if (total > kLargest) return wrong;
  return std::chrono::milliseconds(std::llround(total));
}

std::string format_size(uint64_t bytes) {
  static constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kNames)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
  return text;
}

std::string format_duration(std::chrono::milliseconds duration) {
  auto left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  const auto take = [&](int64_t size, const char* name) {
    if (left >= size) text += std::to_string(left / size) + name;
    left %= size;
  };
  take(3'600'000, "h");
  take(60'000, "m");
  take(1'000, "s");
  take(1, "ms");
  return text;
}

}  // namespace entrepot
