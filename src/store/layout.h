// Where each thing lies below ROOT.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/oci/digest.h"

#include <string>

namespace entrepot::store {

// ROOT/blobs/ALGORITHM/ab/HEX
std::string blob_path(const std::string& root, const oci::Digest& digest);
// ROOT/partial/ALGORITHM-HEX; its record of synced points lies beside it with ".points".
std::string partial_path(const std::string& root, const oci::Digest& digest);

// Creates ROOT and its folders. Blocks.
Result<void> create_layout(const std::string& root);

// Makes a rename or a creation in `path`'s folder survive a power loss. Blocks.
Result<void> sync_parent(const std::string& path);

}  // namespace entrepot::store
