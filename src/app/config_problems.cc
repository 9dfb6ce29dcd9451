#include "config_problems.h"

#include <algorithm>

namespace entrepot::app {
namespace {

std::vector<ConfigProblem> take_sorted(std::vector<ConfigProblem>& list) {
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return std::move(list);
}

}  // namespace

bool Problems::any_error_at(std::string_view key) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const auto& problem) { return problem.key == key; });
}

std::vector<ConfigProblem> Problems::take_errors() { return take_sorted(errors_); }
std::vector<ConfigProblem> Problems::take_warnings() { return take_sorted(warnings_); }

std::string to_string(const ConfigProblem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += ":" + std::to_string(problem.line);
  if (!problem.key.empty()) text += ": " + problem.key;
  return text + ": " + problem.message;
}

std::string shown(std::string_view text) {
  const bool word = !text.empty() && text.size() <= 32 &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != ':'; });
  return word ? "'" + std::string(text) + "'" : "this value";
}

}  // namespace entrepot::app
