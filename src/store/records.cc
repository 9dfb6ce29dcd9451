#include "entrepot/store/records.h"

#include <cstring>

namespace entrepot::store {
namespace {

constexpr char kVersion = 1;

// Little-endian numbers and length-prefixed text behind the version byte.
class Writer {
 public:
  Writer() : out_(1, kVersion) {}
  void number(uint64_t value) {
    for (int i = 0; i < 8; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void time(WallTime value) { number(static_cast<uint64_t>(value.time_since_epoch().count())); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {
    ok_ = !rest_.empty() && rest_[0] == kVersion;
    if (ok_) rest_.remove_prefix(1);
  }
  uint64_t number() {
    if (!ok_ || rest_.size() < 8) {
      ok_ = false;
      return 0;
    }
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[static_cast<size_t>(i)])) << (8 * i);
    rest_.remove_prefix(8);
    return value;
  }
  std::string_view text() {
    const uint64_t size = number();
    if (!ok_ || rest_.size() < size) {
      ok_ = false;
      return {};
    }
    const auto value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  WallTime time() { return WallTime(Milliseconds(static_cast<int64_t>(number()))); }
  bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_;
};

Error unreadable(const char* what) {
  return {Error::Code::kIo, std::string("a ") + what + " record in the catalog is damaged or from a newer version"};
}

}  // namespace

std::string encode(const BlobRecord& record) {
  Writer writer;
  writer.number(record.size);
  writer.time(record.stored);
  return writer.take();
}

std::string encode(const ManifestRecord& record) {
  Writer writer;
  writer.text(record.media_type);
  writer.time(record.stored);
  writer.text(record.bytes);
  return writer.take();
}

std::string encode(const TagRecord& record) {
  Writer writer;
  writer.text(record.digest.key());
  writer.time(record.checked);
  return writer.take();
}

std::string encode(const MemberRecord& record) {
  Writer writer;
  writer.number(record.size ? 1 : 0);
  writer.number(record.size.value_or(0));
  return writer.take();
}

Result<BlobRecord> decode_blob(std::string_view bytes) {
  Reader reader(bytes);
  BlobRecord record{reader.number(), reader.time()};
  if (!reader.complete()) return unreadable("blob");
  return record;
}

Result<ManifestRecord> decode_manifest(std::string_view bytes) {
  Reader reader(bytes);
  ManifestRecord record;
  record.media_type = reader.text();
  record.stored = reader.time();
  record.bytes = reader.text();
  if (!reader.complete()) return unreadable("manifest");
  return record;
}

Result<TagRecord> decode_tag(std::string_view bytes) {
  Reader reader(bytes);
  const auto digest = oci::Digest::from_key(reader.text());
  const WallTime checked = reader.time();
  if (!reader.complete() || !digest) return unreadable("tag");
  return TagRecord{*digest, checked};
}

Result<MemberRecord> decode_member(std::string_view bytes) {
  Reader reader(bytes);
  const bool has_size = reader.number() != 0;
  const uint64_t size = reader.number();
  if (!reader.complete()) return unreadable("member");
  return MemberRecord{has_size ? std::optional(size) : std::nullopt};
}

}  // namespace entrepot::store
