// Every key of the file is met exactly once. A key without a value is as good as not there, but must still be known.
// What is said of a whole section is said once: nothing below it is set, but all of it is checked.
#include "config_reader.h"

#include <algorithm>
#include <map>

namespace entrepot::app {
namespace {

using Kind = KnownKey::Kind;
using Use = KnownKey::Use;
using NodeKind = YamlNode::Kind;

// A key as problems name it. `{username: bob, password:secret}` without the space makes a key of the secret, so
// nothing is shown from a colon on.
std::string shown_key(std::string_view key) {
  std::string text;
  for (const char c : key.substr(0, std::min<size_t>(key.find(':'), 64))) text += c > ' ' && c <= '~' ? c : '?';
  return text;
}

class Walk {
 public:
  explicit Walk(Problems& problems) : problems_(problems) {}

  void section(const YamlNode& map, const std::string& parent, const std::string& path) {
    for (const auto& [key, value, here] : distinct(map, path)) {
      const SchemaEntry* entry = find_in_schema(parent, key->text);
      if (entry != nullptr) {
        known(*entry, *value, key->text, key->line, here);
      } else if (key->text.find(':') != std::string::npos) {
        problems_.error(key->line, here, "unknown key; a ':' needs a space behind it");
      } else {
        problems_.error(key->line, here, "unknown key; " + suggest_key(parent, key->text));
      }
    }
  }

  std::vector<FoundValue> take_found() { return std::move(found_); }

 private:
  struct Named {
    const YamlNode* key;
    const YamlNode* value;
    std::string path;
  };

  // The map's entries, the first of each key.
  std::vector<Named> distinct(const YamlNode& map, const std::string& path) {
    std::map<std::string_view, int> seen;
    std::vector<Named> entries;
    for (const auto& [key, value] : map.entries) {
      if (key->kind != NodeKind::kScalar || key->text.empty()) {
        problems_.error(key->line, path, "a key here is not text");
        continue;
      }
      std::string here = path + (path.empty() ? "" : ".") + shown_key(key->text);
      const auto [first, is_new] = seen.emplace(key->text, key->line);
      if (is_new) {
        entries.push_back({key.get(), value.get(), std::move(here)});
      } else {
        problems_.error(key->line, here, "given twice (first in line " + std::to_string(first->second) + ")");
      }
    }
    return entries;
  }

  void free_form(const YamlNode& node, const std::string& path) {
    for (const auto& entry : distinct(node, path)) free_form(*entry.value, entry.path);
    for (size_t i = 0; i < node.items.size(); ++i) free_form(*node.items[i], path + "[" + std::to_string(i) + "]");
  }

  void known(const SchemaEntry& entry, const YamlNode& node, std::string_view name, int line, const std::string& path) {
    const KnownKey& key = *entry.key;
    if (key.use == Use::kRefused) problems_.error(line, path, std::string(key.reason));
    if (node.kind == NodeKind::kNull) return;
    if (key.use == Use::kUnused) problems_.warn(line, path, std::string(key.reason));
    const auto wrong = [&](const char* message) { problems_.error(line, path, message); };
    switch (key.kind) {
      case Kind::kNamed:
        if (node.kind == NodeKind::kScalar) return named(entry, node, path);
        [[fallthrough]];
      case Kind::kMap:
        if (node.kind != NodeKind::kMap) return wrong("must be a section: lines of KEY: VALUE, indented");
        return section(node, entry.path, path);
      case Kind::kList:
        if (node.kind != NodeKind::kList) return wrong("must be a list: lines that begin with '- '");
        for (size_t i = 0; i < node.items.size(); ++i)
          item(entry, *node.items[i], path + "[" + std::to_string(i) + "]");
        return;
      case Kind::kScalar:
        if (node.kind != NodeKind::kScalar) return wrong("must be a single value");
        break;
      case Kind::kScalars: {
        const auto is_scalar = [](const YamlPointer& value) { return value->kind == NodeKind::kScalar; };
        if (node.kind != NodeKind::kList || !std::all_of(node.items.begin(), node.items.end(), is_scalar)) {
          return wrong("must be a list of single values: [A, B]");
        }
        break;
      }
      case Kind::kAny: free_form(node, path); break;
    }
    if (key.set != nullptr) found_.push_back({&entry, Value(path, name, line, node, problems_)});
  }

  void item(const SchemaEntry& list, const YamlNode& node, const std::string& path) {
    const SchemaEntry* entry = find_in_schema(list.path, "[]");
    if (entry != nullptr) known(*entry, node, "", node.line, path);
  }

  // `storage: filesystem` is short for `storage: {filesystem: }`.
  void named(const SchemaEntry& entry, const YamlNode& node, const std::string& path) {
    const SchemaEntry* child = find_in_schema(entry.path, node.text);
    if (child == nullptr) {
      problems_.error(node.line, path, shown(node.text) + " is not known here; " + suggest_key(entry.path, node.text));
    } else {
      known(*child, YamlNode{}, node.text, node.line, path + "." + child->name);
    }
  }

  Problems& problems_;
  std::vector<FoundValue> found_;
};

}  // namespace

std::vector<FoundValue> read_values(const YamlNode& root, Problems& problems) {
  Walk walk(problems);
  walk.section(root, "", "");
  auto found = walk.take_found();
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.entry < b.entry; });
  return found;
}

}  // namespace entrepot::app
