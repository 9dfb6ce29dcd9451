#include "head_parser.h"

#include <charconv>

namespace entrepot::fetch {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

int status_of(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  int status = 0;
  std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  return status;
}

}  // namespace

HeadParser::Step HeadParser::feed(std::string_view line) {
  if (final_) return Step::kMore;  // a trailer
  size_ += line.size();
  if (size_ > kMaxHead) return Step::kTooLarge;
  if (line.starts_with("HTTP/")) {
    head_ = {};
    head_.status = status_of(line);
    return Step::kMore;
  }
  if (line == "\r\n" || line == "\n") return end_of_head();
  add_header(line);
  return Step::kMore;
}

HeadParser::Step HeadParser::end_of_head() {
  if (head_.status < 200) return Step::kMore;
  // libcurl's own condition for following.
  const bool redirect = head_.status >= 300 && head_.status < 400 && !location().empty();
  if (redirect && follow_redirects_) return Step::kRedirect;
  final_ = true;
  return Step::kFinal;
}

void HeadParser::add_header(std::string_view line) {
  const bool folded = line.starts_with(' ') || line.starts_with('\t');
  if (folded && !head_.headers.empty()) {
    std::string& value = head_.headers.back().second;
    value += ' ';
    value += trim(line);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  head_.headers.emplace_back(lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
}

}  // namespace entrepot::fetch
