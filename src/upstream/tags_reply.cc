// The body is megabytes of a stranger's JSON: it is read as a stream of events, so that nesting and
// needless values cost no memory.
#include "tags_reply.h"

#include "entrepot/oci/reference.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace entrepot::upstream {
namespace {

using nlohmann::json;

class TagsReader : public json::json_sax_t {
 public:
  std::vector<std::string> take() { return std::move(tags_); }

  bool null() override { return depth_ > 0 && !in_tags(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t) override { return scalar(); }
  bool number_unsigned(number_unsigned_t) override { return scalar(); }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& text) override {
    if (!in_tags()) return scalar();
    if (oci::Tag::parse(text)) tags_.push_back(std::move(text));
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) at_tags_ = name == "tags";
    return true;
  }
  bool start_object(size_t) override {
    const bool allowed = depth_ == 0 || (!at_tags_ && deeper());
    return allowed && enter();
  }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override {
    const bool allowed = at_tags_ ? depth_ == 1 : depth_ > 0 && deeper();
    return allowed && enter();
  }
  bool end_array() override { return leave(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  static constexpr int kMaxDepth = 32;

  bool in_tags() const { return at_tags_ && depth_ == 2; }
  // A value at the top, as the value of "tags" or among the tags is not one of the protocol.
  bool scalar() const { return depth_ > 0 && !at_tags_; }
  bool deeper() const { return depth_ < kMaxDepth; }
  bool enter() {
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  bool at_tags_ = false;  // within the value of the outer object's "tags"
  std::vector<std::string> tags_;
};

}  // namespace

Result<std::vector<std::string>> parse_tags(std::string_view body) {
  TagsReader reader;
  if (!json::sax_parse(body, &reader)) {
    return Error{Error::Code::kUpstreamInvalid, "the list of tags is not the JSON of one"};
  }
  return reader.take();
}

}  // namespace entrepot::upstream
