#include "entrepot/oci/byte_range.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace entrepot::oci {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Digits only; a number too large for 64 bits counts as the largest (RFC 9110 14.1.1: beyond the end).
std::optional<uint64_t> parse_position(std::string_view digits) {
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return parsed.ec == std::errc() ? number : std::numeric_limits<uint64_t>::max();
}

}  // namespace

RangeDecision decide_range(std::string_view header, uint64_t size) {
  const RangeDecision whole{RangeDecision::Kind::kWhole, {}};
  const RangeDecision unsatisfiable{RangeDecision::Kind::kUnsatisfiable, {}};
  header = trimmed(header);
  const size_t equals = header.find('=');
  if (equals == std::string_view::npos) return whole;
  std::string unit(trimmed(header.substr(0, equals)));
  std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto range = trimmed(header.substr(equals + 1));
  if (unit != "bytes" || range.find(',') != std::string_view::npos) return whole;
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = trimmed(range.substr(0, dash));
  const auto last = trimmed(range.substr(dash + 1));

  if (first.empty()) {  // the last N bytes
    const auto suffix = parse_position(last);
    if (!suffix) return whole;
    if (*suffix == 0 || size == 0) return unsatisfiable;
    const uint64_t length = std::min(*suffix, size);
    return {RangeDecision::Kind::kPart, {size - length, length}};
  }
  const auto from = parse_position(first);
  if (!from) return whole;
  if (last.empty()) {
    if (*from >= size) return unsatisfiable;
    return {RangeDecision::Kind::kPart, {*from, size - *from}};
  }
  const auto to = parse_position(last);
  if (!to || *to < *from) return whole;
  if (*from >= size) return unsatisfiable;
  return {RangeDecision::Kind::kPart, {*from, std::min(*to, size - 1) - *from + 1}};
}

bool etag_matches(std::string_view header, const Digest& digest) {
  const std::string wanted = digest.to_string();
  for (size_t start = 0; start <= header.size();) {
    const size_t end = std::min(header.find(',', start), header.size());
    auto tag = trimmed(header.substr(start, end - start));
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
    if (tag == wanted) return true;
    start = end + 1;
  }
  return false;
}

}  // namespace entrepot::oci
