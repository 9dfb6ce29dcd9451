// A content digest: algorithm and hash. OCI image-spec, descriptor.md, section "Digests".
#pragma once

#include "entrepot/base/hash.h"
#include "entrepot/base/result.h"

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace entrepot::oci {

// A value that cannot be wrong: sha256 or sha512 with a hash of the right length.
class Digest {
 public:
  // "sha256:" and 64, or "sha512:" and 128 lower-case hexadecimal digits; kInvalid otherwise.
  static Result<Digest> parse(std::string_view text);
  // The digest of what `hash` has seen.
  static Digest of(const Hash& hash) { return {hash.algorithm(), hash.value()}; }
  static Digest of(HashAlgorithm algorithm, ByteSpan bytes);
  // The inverse of key(); kInvalid if it is not one.
  static Result<Digest> from_key(std::string_view key);

  HashAlgorithm algorithm() const { return algorithm_; }
  std::string_view algorithm_name() const { return algorithm_ == HashAlgorithm::kSha256 ? "sha256" : "sha512"; }
  std::string hex() const;
  std::string to_string() const;  // "sha256:..."
  // Binary and prefix-free: one byte of algorithm, then the hash.
  std::string key() const;

  auto operator<=>(const Digest&) const = default;
  size_t hash_code() const;

 private:
  Digest(HashAlgorithm algorithm, const HashValue& value) : algorithm_(algorithm), value_(value) {}

  HashAlgorithm algorithm_;
  HashValue value_;  // zero behind the hash, so that comparison is plain
};

}  // namespace entrepot::oci

template <>
struct std::hash<entrepot::oci::Digest> {
  size_t operator()(const entrepot::oci::Digest& digest) const { return digest.hash_code(); }
};
