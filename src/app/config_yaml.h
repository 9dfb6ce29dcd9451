// YAML text as a tree of plain values that know their line. The only file of the program that meets yaml-cpp.
//
// Bounded whatever the text is: size, depth and number of nodes, aliases counted at every place of use.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace entrepot::app {

struct YamlNode;
using YamlPointer = std::shared_ptr<const YamlNode>;

// Immutable once parsed; what an alias names is shared.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;                    // from 1
  std::string text;                // of a scalar
  std::vector<YamlPointer> items;  // of a list
  // Of a map, in the order of the file; a key given twice is there twice. Merge keys (`<<: *defaults`) are resolved.
  std::vector<std::pair<YamlPointer, YamlPointer>> entries;
  // Of this node and everything below it.
  int height = 1;
  size_t nodes = 1;
};

struct YamlError {
  int line = 0;
  std::string message;  // quotes nothing of the text
};

inline constexpr size_t kMaxYamlSize = 1024 * 1024;
inline constexpr int kMaxYamlDepth = 32;
inline constexpr size_t kMaxYamlNodes = 100'000;

// The text's only document; an empty text is a null node.
std::variant<YamlPointer, YamlError> parse_yaml(std::string_view text);

}  // namespace entrepot::app
