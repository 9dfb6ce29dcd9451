// Collects what is wrong with a configuration file, so that a person is told everything at once.
#pragma once

#include "entrepot/app/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace entrepot::app {

class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}

  void error(int line, std::string_view key, std::string message) { add(errors_, line, key, std::move(message)); }
  void warn(int line, std::string_view key, std::string message) { add(warnings_, line, key, std::move(message)); }

  bool any_error() const { return !errors_.empty(); }
  bool any_error_at(std::string_view key) const;
  // By line.
  std::vector<ConfigProblem> take_errors();
  std::vector<ConfigProblem> take_warnings();

 private:
  void add(std::vector<ConfigProblem>& list, int line, std::string_view key, std::string message) {
    list.push_back({file_, line, std::string(key), std::move(message)});
  }

  std::string file_;
  std::vector<ConfigProblem> errors_;
  std::vector<ConfigProblem> warnings_;
};

// `text` in quotes if it can be nothing but a short word; otherwise "this value". A slip of the keyboard easily
// makes a password part of a value nearby, but hardly ever without a space, a line break or a colon between them.
std::string shown(std::string_view text);

}  // namespace entrepot::app
