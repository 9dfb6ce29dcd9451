// The registry that a request means.
#pragma once

#include "entrepot/upstream/upstream.h"

#include <string>

namespace entrepot::pull {

struct Registry {
  std::string name;               // the key of its rows in the catalog
  upstream::Upstream* upstream;   // null: nobody can be asked, only what is held is served
};

}  // namespace entrepot::pull
