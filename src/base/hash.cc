#include "entrepot/base/hash.h"

#include <openssl/evp.h>

#include <new>

namespace entrepot {

void Hash::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hash::Hash(HashAlgorithm algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
  const EVP_MD* kind = algorithm == HashAlgorithm::kSha256 ? EVP_sha256() : EVP_sha512();
  if (!context_ || EVP_DigestInit_ex(context_.get(), kind, nullptr) != 1) throw std::bad_alloc();
}

Hash::Hash(const Hash& other) : algorithm_(other.algorithm_), context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) != 1) throw std::bad_alloc();
}

void Hash::update(ByteSpan data) { EVP_DigestUpdate(context_.get(), data.data(), data.size()); }

HashValue Hash::value() const {
  Hash copy(*this);
  HashValue value{};
  EVP_DigestFinal_ex(copy.context_.get(), value.data(), nullptr);
  return value;
}

std::string to_hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace entrepot
