// How the fake registry misbehaves: rules that match requests, and what they do to the answer.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::support {

// What one answer is to suffer. The fields are the JSON keys of POST /-/faults.
struct Behaviour {
  std::optional<int> status;
  nlohmann::json headers = nlohmann::json::object();
  std::string body;
  int delay_ms = 0;
  std::optional<uint64_t> cut_after;
  std::optional<uint64_t> reset_after;
  std::optional<uint64_t> corrupt_at;
  std::optional<uint64_t> rate;
  std::optional<uint64_t> stall_after;
  std::optional<uint64_t> wrong_length;
  std::optional<uint64_t> hold_after;
  bool no_length = false;
  bool chunked = false;
  bool ignore_range = false;
  bool hang = false;
  bool drop = false;
  std::string redirect;
  std::string garbage;
  std::string hold;
};

// The rules in their order. Not thread-safe.
class FaultList {
 public:
  // Throws std::runtime_error if the rule has a key that does not exist.
  void add(const nlohmann::json& rule);
  void clear() { rules_.clear(); }
  // The behaviour of the first live rule that matches, counting the match.
  Behaviour match(std::string_view method, std::string_view target);

 private:
  struct Rule {
    std::string method;
    std::string path;
    uint64_t skip = 0;
    uint64_t times = UINT64_MAX;
    Behaviour behaviour;
  };
  std::vector<Rule> rules_;
};

}  // namespace entrepot::support
