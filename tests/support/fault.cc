#include "support/fault.h"

#include <functional>
#include <map>
#include <stdexcept>

namespace entrepot::support {
namespace {

using nlohmann::json;
using Setter = std::function<void(Behaviour&, const json&)>;

template <class Field>
Setter set(Field Behaviour::*field) {
  return [field](Behaviour& behaviour, const json& value) { behaviour.*field = value.get<Field>(); };
}

template <class Value>
Setter set(std::optional<Value> Behaviour::*field) {
  return [field](Behaviour& behaviour, const json& value) { behaviour.*field = value.get<Value>(); };
}

void set_garbage(Behaviour& behaviour, const json& value) {
  behaviour.garbage = value.is_string() ? value.get<std::string>() : "\x16\x03 this is not HTTP at all\r\n\r\n";
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table = {
      {"status", set(&Behaviour::status)},
      {"headers", set(&Behaviour::headers)},
      {"body", set(&Behaviour::body)},
      {"delay_ms", set(&Behaviour::delay_ms)},
      {"cut_after", set(&Behaviour::cut_after)},
      {"reset_after", set(&Behaviour::reset_after)},
      {"corrupt_at", set(&Behaviour::corrupt_at)},
      {"rate", set(&Behaviour::rate)},
      {"stall_after", set(&Behaviour::stall_after)},
      {"wrong_length", set(&Behaviour::wrong_length)},
      {"hold_after", set(&Behaviour::hold_after)},
      {"no_length", set(&Behaviour::no_length)},
      {"chunked", set(&Behaviour::chunked)},
      {"ignore_range", set(&Behaviour::ignore_range)},
      {"hang", set(&Behaviour::hang)},
      {"drop", set(&Behaviour::drop)},
      {"redirect", set(&Behaviour::redirect)},
      {"garbage", set_garbage},
      {"hold", set(&Behaviour::hold)},
  };
  return table;
}

}  // namespace

void FaultList::add(const json& rule) {
  Rule added;
  for (const auto& [key, value] : rule.items()) {
    if (key == "method") {
      added.method = value.get<std::string>();
    } else if (key == "path") {
      added.path = value.get<std::string>();
    } else if (key == "skip") {
      added.skip = value.get<uint64_t>();
    } else if (key == "times") {
      added.times = value.get<uint64_t>();
    } else if (const auto setter = setters().find(key); setter != setters().end()) {
      setter->second(added.behaviour, value);
    } else {
      throw std::runtime_error("no such field in a fault: " + key);
    }
  }
  rules_.push_back(std::move(added));
}

Behaviour FaultList::match(std::string_view method, std::string_view target) {
  for (Rule& rule : rules_) {
    if (!rule.method.empty() && rule.method != method) continue;
    if (target.find(rule.path) == std::string_view::npos || rule.times == 0) continue;
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    if (rule.times != UINT64_MAX) --rule.times;
    return rule.behaviour;
  }
  return {};
}

}  // namespace entrepot::support
