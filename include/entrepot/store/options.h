// Where and how the store keeps its bytes.
#pragma once

#include <cstddef>
#include <string>

namespace entrepot::store {

struct Options {
  std::string root;                     // ROOT of the layout in design terms: blobs/, partial/, catalog/
  size_t open_blobs = 1024;             // files the open-file cache keeps
  int catalog_open_files = 256;         // RocksDB's max_open_files
  size_t catalog_cache = 32 << 20;      // block cache for rows, bytes
  size_t manifest_cache = 16 << 20;     // block cache for manifests, bytes
};

}  // namespace entrepot::store
