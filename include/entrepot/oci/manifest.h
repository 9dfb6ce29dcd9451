// What a manifest refers to. Its bytes are never re-serialised. OCI image-spec, manifest.md and
// image-index.md; Docker image manifest version 2 schema 1 and 2.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/oci/digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::oci {

struct Descriptor {
  Digest digest;
  std::optional<uint64_t> size;  // schema 1 does not say it
  std::string media_type;
};

struct Manifest {
  std::string media_type;
  std::vector<Descriptor> manifests;  // children of an index or a list
  std::vector<Descriptor> blobs;      // config and layers
  std::optional<Descriptor> subject;
};

// More than containerd takes (4.4 MB) is of no use to anybody.
inline constexpr size_t kMaxManifestSize = 4 * 1048 * 1048;

// Reads `body` as a manifest of `content_type` (a media type without parameters; if it says
// nothing of the kind, the body's own mediaType and its shape decide). kInvalid names what is wrong:
// not JSON, too deep, no known shape, a descriptor without a valid digest or size.
Result<Manifest> parse_manifest(std::string_view body, std::string_view content_type);

// The digest by which a registry names `body`: the hash of its bytes, or for signed schema 1 the
// hash of its JWS payload (kInvalid if its signatures disagree on where that is).
Result<Digest> manifest_digest(std::string_view body, std::string_view media_type, HashAlgorithm algorithm);

}  // namespace entrepot::oci
