// Every key that a configuration may hold: those of the distribution registry and our own.
#pragma once

#include "config_value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::app {

// A configuration while it is read: what is only known to be right when all of it has been seen.
struct Draft {
  Config config;
  upstream::Options upstream;           // no remote_url: none
  std::vector<std::string> namespaces;  // as configured
};

struct KnownKey {
  enum class Kind {
    kMap,      // a section: its keys are known too
    kNamed,    // a section, or only the name of one of its keys (`storage: filesystem`)
    kList,     // its items are known as PATH[]
    kScalar,   // one value
    kScalars,  // a list of values
    kAny,      // whatever the file likes
  };
  enum class Use {
    kPart,     // holds other keys, or is part of something of which all is said at a higher key
    kSet,      // changes the configuration
    kUnused,   // means something to distribution, nothing here: a warning
    kRefused,  // means something to distribution, and without it we may not start: an error, even without a value
  };
  using Setter = void (*)(const Value& value, Draft& draft);

  // The path with `[]` for an item of a list and `*` for any key; the last word may be several:
  // "proxy.username|password".
  std::string_view path;
  Kind kind;
  Use use = Use::kPart;
  std::string_view reason = {};  // why it is unused or refused
  Setter set = nullptr;
};

// A known key by its full path.
struct SchemaEntry {
  std::string path;    // "health.http[].uri"
  std::string parent;  // "health.http[]"; empty at the top
  std::string name;    // "uri", "*" or "[]"
  const KnownKey* key;
};

// All of them, sections before what is in them. Values are set in this order, whatever that of the file.
const std::vector<SchemaEntry>& schema();
// What `name` is in the section or list at `parent` (a path as in the schema).
const SchemaEntry* find_in_schema(std::string_view parent, std::string_view name);

// For a `name` that is not in the section at `parent`: "did you mean 'x'?", or what there is.
std::string suggest_key(std::string_view parent, std::string_view name);

}  // namespace entrepot::app
