// The tree is built from the parser's events and not from YAML::Node: those lose the line of a key, keep no order
// among keys given twice, and have no bound on what aliases multiply.
#include "config_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace entrepot::app {
namespace {

// Ours, apart from the parser's own errors, whose words may quote the file.
struct Refused {
  YamlError error;
};

[[noreturn]] void refuse(int line, std::string message) { throw Refused{{line, std::move(message)}}; }

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlPointer take_root() { return root_ != nullptr ? std::move(root_) : std::make_shared<YamlNode>(); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(line_of(mark), "a second document begins here; only one is allowed");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(start(mark, YamlNode::Kind::kNull), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
    auto node = start(mark, YamlNode::Kind::kScalar);
    node->text = value;
    finish(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int line = line_of(mark);
    if (anchor >= anchors_.size() || anchors_[anchor] == nullptr) refuse(line, "an alias to something it is part of");
    spend(anchors_[anchor]->nodes, line);
    attach(anchors_[anchor]);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::kMap, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    YamlPointer key;  // waits for its value
  };

  std::shared_ptr<YamlNode> start(const YAML::Mark& mark, YamlNode::Kind kind) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    // Some nodes have no mark: then it is that of what they stand in.
    node->line = std::max(line_of(mark), open_.empty() ? 1 : open_.back().node->line);
    spend(1, node->line);
    return node;
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    auto node = start(mark, kind);
    open_.push_back({std::move(node), anchor, nullptr});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.node->kind == YamlNode::Kind::kMap) merge(*done.node);
    finish(std::move(done.node), done.anchor);
  }

  void finish(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    const auto count = [&](const YamlPointer& child) {
      node->height = std::max(node->height, child->height + 1);
      node->nodes += child->nodes;
    };
    for (const auto& item : node->items) count(item);
    for (const auto& [key, value] : node->entries) {
      count(key);
      count(value);
    }
    if (anchor != YAML::NullAnchor) {
      if (anchor >= anchors_.size()) anchors_.resize(anchor + 1);
      anchors_[anchor] = node;
    }
    attach(std::move(node));
  }

  void attach(YamlPointer node) {
    if (static_cast<int>(open_.size()) + node->height > kMaxYamlDepth) {
      refuse(node->line, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels");
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::kList) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.key == nullptr) {
      parent.key = std::move(node);
    } else {
      parent.node->entries.emplace_back(std::move(parent.key), std::move(node));
      parent.key = nullptr;
    }
  }

  // `<<: *defaults` and `<<: [*a, *b]`, as the YAML library of distribution reads them: what the map has itself wins.
  void merge(YamlNode& map) {
    std::vector<YamlPointer> sources;
    std::erase_if(map.entries, [&](const auto& entry) {
      const auto& [key, value] = entry;
      if (key->kind != YamlNode::Kind::kScalar || key->text != "<<") return false;
      const bool is_list = value->kind == YamlNode::Kind::kList;
      const std::vector<YamlPointer> maps = is_list ? value->items : std::vector<YamlPointer>{value};
      for (const auto& source : maps) {
        if (source->kind != YamlNode::Kind::kMap) refuse(key->line, "'<<' takes an alias of a map, or a list of them");
        sources.push_back(source);
      }
      return true;
    });
    if (sources.empty()) return;
    std::set<std::string, std::less<>> known;
    for (const auto& entry : map.entries) known.insert(entry.first->text);
    for (const auto& source : sources) {
      spend(source->entries.size(), map.line);
      for (const auto& [key, value] : source->entries) {
        if (!known.insert(key->text).second) continue;
        spend(value->nodes, map.line);
        map.entries.emplace_back(key, value);
      }
    }
  }

  void spend(size_t nodes, int line) {
    if (nodes > left_) refuse(line, "more than " + std::to_string(kMaxYamlNodes) + " values (aliases counted)");
    left_ -= nodes;
  }

  YamlPointer root_;
  std::vector<Open> open_;
  std::vector<YamlPointer> anchors_;
  size_t left_ = kMaxYamlNodes;
  int documents_ = 0;
};

std::string_view line_at(std::string_view text, int line) {
  for (; line > 1 && !text.empty(); --line) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find('\n'));
}

// The parser's words, without what it quotes: that may be (a part of) a password that begins with * or holds a \.
std::string explain(const YAML::Exception& error, std::string_view text) {
  const auto line = line_at(text, line_of(error.mark));
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    return "not YAML: a tab indents this line; use spaces";
  }
  if (error.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
    return "not YAML: an alias without its anchor (text that begins with * must stand in quotes)";
  }
  return "not YAML: " + error.msg.substr(0, error.msg.find(':')) +
         " (check the indentation, and the quotes of text with special characters)";
}

// YAML allows no others; the parser's answer to some of them is to wait for more.
void check_characters(std::string_view text) {
  int line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) {
      refuse(line, "a control character; a configuration is text in UTF-8");
    }
  }
}

}  // namespace

std::variant<YamlPointer, YamlError> parse_yaml(std::string_view text) {
  if (text.size() > kMaxYamlSize) return YamlError{0, "larger than 1 MiB"};
  try {
    check_characters(text);
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const YAML::Exception& error) {
    return YamlError{line_of(error.mark), explain(error, text)};
  } catch (const std::exception&) {
    return YamlError{0, "not YAML"};
  }
}

}  // namespace entrepot::app
