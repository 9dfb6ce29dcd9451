// From text to values: walks a file once along the schema.
#pragma once

#include "config_schema.h"

#include <string_view>
#include <vector>

namespace entrepot::app {

struct FoundValue {
  const SchemaEntry* entry;
  Value value;
};

// `root` is a map, or null. The keys that are to be set, in the schema's order; everything else that is to be said goes
// to `problems`. The values refer to `root` and to `problems`.
std::vector<FoundValue> read_values(const YamlNode& root, Problems& problems);

}  // namespace entrepot::app
