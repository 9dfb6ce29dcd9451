#include "entrepot/oci/digest.h"

#include <cstring>
#include <optional>

namespace entrepot::oci {
namespace {

std::optional<uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

// Names what was sent without repeating all of it.
Error not_a_digest(std::string_view text) {
  return {Error::Code::kInvalid,
          "'" + std::string(text.substr(0, 160)) + "' is not a digest (sha256: and 64, or sha512: and 128 lower-case hexadecimal digits)"};
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return not_a_digest(text);
  const auto name = text.substr(0, colon);
  const auto hex = text.substr(colon + 1);
  if (name != "sha256" && name != "sha512") return not_a_digest(text);
  const auto algorithm = name == "sha256" ? HashAlgorithm::kSha256 : HashAlgorithm::kSha512;
  if (hex.size() != 2 * hash_size(algorithm)) return not_a_digest(text);
  HashValue value{};
  for (size_t i = 0; i < hex.size(); i += 2) {
    const auto high = hex_digit(hex[i]);
    const auto low = hex_digit(hex[i + 1]);
    if (!high || !low) return not_a_digest(text);
    value[i / 2] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return Digest(algorithm, value);
}

Digest Digest::of(HashAlgorithm algorithm, ByteSpan bytes) {
  Hash hash(algorithm);
  hash.update(bytes);
  return of(hash);
}

Result<Digest> Digest::from_key(std::string_view key) {
  const Error wrong{Error::Code::kInvalid, "a stored key is not a digest"};
  if (key.empty() || (key[0] != 1 && key[0] != 2)) return wrong;
  const auto algorithm = static_cast<HashAlgorithm>(key[0]);
  if (key.size() != 1 + hash_size(algorithm)) return wrong;
  HashValue value{};
  std::memcpy(value.data(), key.data() + 1, key.size() - 1);
  return Digest(algorithm, value);
}

std::string Digest::hex() const { return to_hex(std::span(value_.data(), hash_size(algorithm_))); }

std::string Digest::to_string() const { return std::string(algorithm_name()) + ":" + hex(); }

std::string Digest::key() const {
  std::string key(1, static_cast<char>(algorithm_));
  key.append(reinterpret_cast<const char*>(value_.data()), hash_size(algorithm_));
  return key;
}

size_t Digest::hash_code() const {
  size_t code;
  std::memcpy(&code, value_.data(), sizeof code);
  return code;
}

}  // namespace entrepot::oci
