// Typed values: each reader leaves its target alone and reports a problem if the text is not of its type.
#pragma once

#include "config_problems.h"
#include "config_yaml.h"

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace entrepot::app {

// What stands at a known key. Not null in the file; of the kind that the table of keys asks for.
class Value {
 public:
  Value(std::string path, std::string_view name, int line, const YamlNode& node, Problems& problems)
      : path_(std::move(path)), name_(name), line_(line), node_(&node), problems_(&problems) {}

  const std::string& name() const { return name_; }  // the key alone, as it stands in the file
  // The scalar as it stands in the file. Written with nothing in it, every key is as good as not there.
  const std::string& text() const { return node_->text; }
  std::vector<Value> items() const;  // of a list

  void wrong(std::string message) const { problems_->error(line_, path_, std::move(message)); }
  void warn(std::string message) const { problems_->warn(line_, path_, std::move(message)); }

  void read_boolean(bool& target) const;
  void read_count(size_t& target, size_t least, size_t most) const;
  void read_size(size_t& target, size_t least, size_t most) const;
  void read_duration(std::chrono::milliseconds& target, std::chrono::milliseconds least,
                     std::chrono::milliseconds most) const;
  // One line without control characters. Never shown in a problem.
  void read_text(std::string& target) const;
  // host:port, :port or [v6]:port.
  void read_address(std::string& target) const;
  // host, or host:port if `with_port`, in lower case.
  void read_host(std::string& target, bool with_port) const;
  // http or https with a host and perhaps a path; scheme and host in lower case, no default port, no slash at the end.
  void read_url(std::string& target) const;

  template <class T>
  void read_choice(T& target, std::initializer_list<std::pair<std::string_view, T>> choices) const {
    std::string allowed;
    const std::string wanted = lower_case(text());
    for (const auto& [word, choice] : choices) {
      if (wanted == word) {
        target = choice;
        return;
      }
      allowed += (allowed.empty() ? "" : ", ") + std::string(word);
    }
    wrong(shown(text()) + " is not one of: " + allowed);
  }

 private:
  static std::string lower_case(std::string_view text);

  std::string path_;  // as problems show it
  std::string name_;
  int line_;
  const YamlNode* node_;
  Problems* problems_;
};

}  // namespace entrepot::app
