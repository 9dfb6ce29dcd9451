// One column family a table; one write batch across them is the unit of truth.
//
// Keys are text parts with a zero byte behind each (names hold none) and, where they name content,
// the digest's binary key, which is prefix-free. So a repository's rows are one range.
#include "entrepot/store/catalog.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>

namespace entrepot::store {
namespace {

enum Table { kMeta, kBlobs, kManifests, kTags, kMembers, kTables };
constexpr std::array<const char*, kTables> kTableNames{"default", "blobs", "manifests", "tags", "members"};
constexpr std::string_view kSchemaKey = "schema";
constexpr std::string_view kSchema = "1";

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (auto part : parts) {
    key += part;
    key += '\0';
  }
  return key;
}

std::string content_key(const oci::Digest& digest, std::string_view upstream) { return digest.key() + std::string(upstream); }
std::string member_key(std::string_view upstream, const oci::RepositoryName& repository, const oci::Digest& digest) {
  return joined({upstream, repository.str()}) + digest.key();
}
std::string tag_key(std::string_view upstream, const oci::RepositoryName& repository, const oci::Tag& tag) {
  return joined({upstream, repository.str()}) + tag.str();
}

Error catalog_error(const rocksdb::Status& status) {
  if (status.IsIncomplete()) return {Error::Code::kNotInMemory, "the row is not in memory"};
  const auto code = status.IsNoSpace() ? Error::Code::kNoSpace : Error::Code::kIo;
  return {code, "the catalog failed: " + status.ToString()};
}

rocksdb::ColumnFamilyOptions table_options(const Options& options, Table table) {
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = rocksdb::NewLRUCache(table == kManifests ? options.manifest_cache : options.catalog_cache);
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  family.write_buffer_size = 4 << 20;
  family.max_write_buffer_number = 2;
  family.compression = table == kManifests ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  return family;
}

rocksdb::DBOptions database_options(const Options& options) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.allow_fallocate = false;  // the limit counts allocated blocks
  database.max_open_files = options.catalog_open_files;
  database.max_total_wal_size = 16 << 20;
  database.keep_log_file_num = 2;
  database.max_log_file_size = 1 << 20;
  database.max_background_jobs = 2;
  return database;
}

}  // namespace

struct Catalog::Impl {
  std::unique_ptr<rocksdb::DB> database;
  std::array<rocksdb::ColumnFamilyHandle*, kTables> tables{};

  ~Impl() {
    for (auto* table : tables) {
      if (table != nullptr) database->DestroyColumnFamilyHandle(table);
    }
    if (database) database->Close();
  }

  Result<std::optional<std::string>> read(Table table, std::string_view key, Reach reach) const {
    rocksdb::ReadOptions options;
    if (reach == Reach::kMemory) options.read_tier = rocksdb::kBlockCacheTier;
    std::string value;
    const auto status = database->Get(options, tables[table], slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return catalog_error(status);
    // RocksDB answers OK and nothing where the table's file is not open: the key may exist. No
    // record is empty, so that this is not one.
    if (reach == Reach::kMemory && value.empty()) return Error{Error::Code::kNotInMemory, "the row's table is not open"};
    return std::optional<std::string>(std::move(value));
  }

  template <class Record>
  Found<Record> find(Table table, const std::string& key, Reach reach, Result<Record> (*decode)(std::string_view)) const {
    TRY_ASSIGN(const auto bytes, read(table, key, reach));
    if (!bytes) return std::optional<Record>();
    TRY_ASSIGN(auto record, decode(*bytes));
    return std::optional<Record>(std::move(record));
  }

  std::unique_ptr<rocksdb::Iterator> iterate(Table table) const {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(database->NewIterator(options, tables[table]));
  }
};

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const Options& options) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (int table = 0; table < kTables; ++table) {
    families.emplace_back(kTableNames[static_cast<size_t>(table)], table_options(options, static_cast<Table>(table)));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* database = nullptr;
  const std::string path = options.root + "/catalog";
  const auto status = rocksdb::DB::Open(database_options(options), path, families, &handles, &database);
  if (!status.ok()) {
    return Error{Error::Code::kIo, "the catalog " + path + " cannot be opened (is another entrepot running on it?): " + status.ToString()};
  }
  auto impl = std::make_unique<Impl>();
  impl->database.reset(database);
  std::copy(handles.begin(), handles.end(), impl->tables.begin());
  std::unique_ptr<Catalog> catalog(new Catalog(std::move(impl)));

  TRY_ASSIGN(const auto schema, catalog->meta(kSchemaKey));
  if (schema && *schema != kSchema) {
    return Error{Error::Code::kIo, "the catalog " + path + " has schema " + *schema + ", this program knows " + std::string(kSchema) +
                                       ": start the version that wrote it, or name another data folder"};
  }
  if (!schema) {
    Batch batch;
    batch.put_meta(kSchemaKey, kSchema);
    TRY(catalog->commit(std::move(batch), Durability::kSynced));
  }
  return catalog;
}

Catalog::Found<BlobRecord> Catalog::blob(const oci::Digest& digest, std::string_view upstream, Reach reach) const {
  return impl_->find(kBlobs, content_key(digest, upstream), reach, decode_blob);
}

Catalog::Found<ManifestRecord> Catalog::manifest(const oci::Digest& digest, std::string_view upstream, Reach reach) const {
  return impl_->find(kManifests, content_key(digest, upstream), reach, decode_manifest);
}

Catalog::Found<TagRecord> Catalog::tag(std::string_view upstream, const oci::RepositoryName& repository, const oci::Tag& tag,
                                       Reach reach) const {
  return impl_->find(kTags, tag_key(upstream, repository, tag), reach, decode_tag);
}

Catalog::Found<MemberRecord> Catalog::member(std::string_view upstream, const oci::RepositoryName& repository,
                                             const oci::Digest& digest, Reach reach) const {
  return impl_->find(kMembers, member_key(upstream, repository, digest), reach, decode_member);
}

Result<std::vector<std::string>> Catalog::repositories(std::string_view upstream, std::string_view last, size_t n) const {
  const std::string prefix = joined({upstream});
  std::vector<std::string> names;
  const auto it = impl_->iterate(kMembers);
  // Behind a name come its digests, which start with a zero byte's successor at most: '\1' ends it.
  std::string from = last.empty() ? prefix : prefix + std::string(last) + '\1';
  for (it->Seek(from); names.size() < n && it->Valid(); it->Seek(from)) {
    const auto key = view(it->key());
    if (!key.starts_with(prefix)) break;
    names.emplace_back(key.substr(prefix.size(), key.find('\0', prefix.size()) - prefix.size()));
    from = prefix + names.back() + '\1';
  }
  if (!it->status().ok()) return catalog_error(it->status());
  return names;
}

Result<std::vector<std::string>> Catalog::tags(std::string_view upstream, const oci::RepositoryName& repository,
                                               std::string_view last, size_t n) const {
  const std::string prefix = joined({upstream, repository.str()});
  std::vector<std::string> names;
  const auto it = impl_->iterate(kTags);
  for (it->Seek(last.empty() ? prefix : prefix + std::string(last) + '\0'); names.size() < n && it->Valid(); it->Next()) {
    const auto key = view(it->key());
    if (!key.starts_with(prefix)) break;
    names.emplace_back(key.substr(prefix.size()));
  }
  if (!it->status().ok()) return catalog_error(it->status());
  return names;
}

std::function<Result<Catalog::Totals>()> Catalog::blob_counter() const {
  // An iterator sees the moment of its making.
  std::shared_ptr<rocksdb::Iterator> it = impl_->iterate(kBlobs);
  return [it]() -> Result<Totals> {
    Totals totals;
    std::string last;  // the same bytes brought by two upstreams are two rows and one file
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const auto key = view(it->key());
      if (key.empty()) continue;
      const auto digest = key.substr(0, 1 + hash_size(static_cast<HashAlgorithm>(key[0])));
      const auto record = decode_blob(view(it->value()));
      if (!record || digest == last) continue;
      last = digest;
      ++totals.blobs;
      totals.bytes += record->size;
    }
    if (!it->status().ok()) return catalog_error(it->status());
    return totals;
  };
}

Catalog::Found<std::string> Catalog::meta(std::string_view key) const { return impl_->read(kMeta, key, Reach::kDisk); }

Catalog::Batch::Batch() = default;
Catalog::Batch::~Batch() = default;
Catalog::Batch::Batch(Batch&&) noexcept = default;

void Catalog::Batch::put_blob(const oci::Digest& digest, std::string_view upstream, const BlobRecord& record) {
  rows_.push_back({kBlobs, content_key(digest, upstream), encode(record)});
}

void Catalog::Batch::put_manifest(const oci::Digest& digest, std::string_view upstream, const ManifestRecord& record) {
  rows_.push_back({kManifests, content_key(digest, upstream), encode(record)});
}

void Catalog::Batch::put_tag(std::string_view upstream, const oci::RepositoryName& repository, const oci::Tag& tag,
                             const TagRecord& record) {
  rows_.push_back({kTags, tag_key(upstream, repository, tag), encode(record)});
}

void Catalog::Batch::put_member(std::string_view upstream, const oci::RepositoryName& repository, const oci::Digest& digest,
                                const MemberRecord& record) {
  rows_.push_back({kMembers, member_key(upstream, repository, digest), encode(record)});
}

void Catalog::Batch::put_meta(std::string_view key, std::string_view value) {
  rows_.push_back({kMeta, std::string(key), std::string(value)});
}

Result<void> Catalog::commit(Batch batch, Durability durability) {
  rocksdb::WriteBatch write;
  for (const auto& row : batch.rows_) write.Put(impl_->tables[static_cast<size_t>(row.table)], row.key, row.value);
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  const auto status = impl_->database->Write(options, &write);
  if (!status.ok()) return catalog_error(status);
  return ok();
}

}  // namespace entrepot::store
