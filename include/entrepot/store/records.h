// The rows of the catalog and their encoding.
//
// Each encoded record starts with a version byte; decode refuses any it does not know with kIo.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/result.h"
#include "entrepot/oci/digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot::store {

// A blob that one upstream brought: its bytes are in the blob file.
struct BlobRecord {
  uint64_t size;
  WallTime stored;
};

// A manifest that one upstream brought, byte for byte.
struct ManifestRecord {
  std::string media_type;
  WallTime stored;
  std::string bytes;
};

// What a tag last meant, and when upstream last said so.
struct TagRecord {
  oci::Digest digest;
  WallTime checked;
};

// A digest that belongs to a repository: its upstream answered 2xx for it there, or served a
// manifest there that names it.
struct MemberRecord {
  std::optional<uint64_t> size;  // as a descriptor announced it
};

std::string encode(const BlobRecord& record);
std::string encode(const ManifestRecord& record);
std::string encode(const TagRecord& record);
std::string encode(const MemberRecord& record);

Result<BlobRecord> decode_blob(std::string_view bytes);
Result<ManifestRecord> decode_manifest(std::string_view bytes);
Result<TagRecord> decode_tag(std::string_view bytes);
Result<MemberRecord> decode_member(std::string_view bytes);

}  // namespace entrepot::store
