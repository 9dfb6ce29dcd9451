// Incremental SHA-256 and SHA-512 by OpenSSL's EVP (which uses SHA-NI where the CPU has it).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace entrepot {

using ByteSpan = std::span<const std::byte>;

inline ByteSpan bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

enum class HashAlgorithm : uint8_t { kSha256 = 1, kSha512 = 2 };

constexpr size_t hash_size(HashAlgorithm algorithm) { return algorithm == HashAlgorithm::kSha256 ? 32 : 64; }

// The first hash_size() bytes count.
using HashValue = std::array<uint8_t, 64>;

// Not thread-safe. Throws std::bad_alloc only.
class Hash {
 public:
  explicit Hash(HashAlgorithm algorithm);
  Hash(const Hash& other);
  Hash(Hash&&) noexcept = default;
  Hash& operator=(Hash&&) noexcept = default;

  void update(ByteSpan data);
  // The hash of everything so far; further updates are allowed.
  HashValue value() const;
  HashAlgorithm algorithm() const { return algorithm_; }

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  HashAlgorithm algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Lower-case hexadecimal.
std::string to_hex(std::span<const uint8_t> bytes);

}  // namespace entrepot
