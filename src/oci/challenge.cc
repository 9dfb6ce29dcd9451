#include "entrepot/oci/challenge.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace entrepot::oci {
namespace {

bool is_token_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// A cursor over the header's grammar: token, quoted-string, separators.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  void skip(std::string_view characters) {
    while (!at_end() && characters.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string token() {
    const size_t start = at_;
    while (!at_end() && is_token_char(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  std::string value() {
    if (!take('"')) return token();
    std::string out;
    while (!at_end() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_++];
    }
    take('"');
    return out;
  }
  // name=value, if that is what comes next; otherwise nothing is taken.
  bool parameter(std::string& name, std::string& text) {
    const size_t start = at_;
    name = lower(token());
    skip(" \t");
    if (name.empty() || !take('=')) {
      at_ = start;
      return false;
    }
    skip(" \t");
    text = value();
    return true;
  }
  void drop_one() { ++at_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

void set_parameter(Challenge& challenge, const std::string& name, std::string value) {
  if (name == "realm") challenge.realm = std::move(value);
  if (name == "service") challenge.service = std::move(value);
  if (name == "scope") challenge.scope = std::move(value);
  if (name == "error") challenge.error = std::move(value);
}

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Cursor cursor(header);
  bool known = false;  // the parameters that follow belong to challenges.back()
  while (!cursor.at_end()) {
    cursor.skip(" \t,");
    if (cursor.at_end()) break;
    std::string name;
    std::string value;
    if (cursor.parameter(name, value)) {
      if (known) set_parameter(challenges.back(), name, std::move(value));
      continue;
    }
    const std::string scheme = lower(cursor.token());
    if (scheme.empty()) cursor.drop_one();
    known = scheme == "basic" || scheme == "bearer";
    if (known) challenges.push_back({scheme == "basic" ? Challenge::Scheme::kBasic : Challenge::Scheme::kBearer, {}, {}, {}, {}});
  }
  return challenges;
}

}  // namespace entrepot::oci
