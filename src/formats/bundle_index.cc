#include "formats/bundle_index.h"

#include <leveldb/comparator.h>
#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>
#include <leveldb/table_builder.h>

#include <array>
#include <memory>
#include <new>

#include "core/error.h"
#include "formats/file_io.h"
#include "formats/little_endian.h"
#include "formats/varint.h"

namespace netwright {
namespace {

constexpr size_t kBlockSize = 262144;  // TensorFlow's
constexpr size_t kFooterSize = 48;
constexpr size_t kHandlesSize = 40;
constexpr uint64_t kBlockTrailerSize = 5;
constexpr uint64_t kMagic = 0xdb4775248b80fb57ULL;

void check(const leveldb::Status& status, const std::string& path) {
  if (!status.ok()) fail("{}: {}", path, status.ToString());
}

// The footer has no CRC, and LevelDB takes memory for what it says before reading.
void check_footer(const ReadOnlyFile& file) {
  const std::string& path = file.path();
  if (file.size() < kFooterSize) {
    fail("{}: not a checkpoint's index: {} bytes, expected at least {}", path, file.size(), kFooterSize);
  }
  std::array<char, kFooterSize> footer{};
  const uint64_t begin = file.size() - kFooterSize;
  file.read_at(begin, footer.data(), footer.size());
  if (load_little<uint64_t>(footer.data() + kHandlesSize) != kMagic) {
    fail("{}: not a checkpoint's index, or cut short: the magic number at its end is wrong", path);
  }
  std::string_view handles(footer.data(), kHandlesSize);
  for (const char* block : {"metaindex", "index"}) {
    uint64_t offset = 0;
    uint64_t size = 0;
    const bool parsed = take_varint(handles, offset) && take_varint(handles, size);
    if (!parsed || offset > begin || size > begin - offset || begin - offset - size < kBlockTrailerSize) {
      fail("{}: damaged: its footer puts the {} block outside the file", path, block);
    }
  }
}

// Unsigned numbers whose order is the order of their bytes: how many bytes follow, then these, big-endian.
void append_ordered(std::string& key, uint64_t value) {
  std::string digits;
  for (; value != 0; value >>= 8) digits.insert(digits.begin(), static_cast<char>(value & 0xff));
  key.push_back(static_cast<char>(digits.size()));
  key += digits;
}

// Strings, ended by 00 01, with 00 and ff escaped.
void append_ordered(std::string& key, std::string_view text) {
  for (const char c : text) {
    key.push_back(c);
    if (c == '\0') key.push_back('\xff');
    if (c == '\xff') key.push_back('\0');
  }
  key += std::string_view("\0\1", 2);
}

// Signed numbers: k bytes hold 7k-1 bits and the sign, big-endian, with k leading ones flipped in as a header.
void append_ordered_signed(std::string& key, int64_t value) {
  size_t length = 1;
  while (length < 10 && (7 * length - 1 < 63) &&
         (value >= int64_t{1} << (7 * length - 1) || value < -(int64_t{1} << (7 * length - 1)))) {
    ++length;
  }
  std::string bytes(length, value < 0 ? '\xff' : '\0');
  for (size_t i = 0; i < length && i < 8; ++i) bytes[length - 1 - i] = static_cast<char>(value >> (8 * i));
  for (size_t i = 0; i < length; ++i) {
    bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (0x80 >> (i % 8)));
  }
  key += bytes;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> read_table(const std::string& path) {
  const ReadOnlyFile plain(path);
  check_footer(plain);
  leveldb::RandomAccessFile* opened = nullptr;
  check(leveldb::Env::Default()->NewRandomAccessFile(path, &opened), path);
  const std::unique_ptr<leveldb::RandomAccessFile> file(opened);
  leveldb::Options options;
  options.paranoid_checks = true;
  std::vector<std::pair<std::string, std::string>> entries;
  try {
    leveldb::Table* made = nullptr;
    check(leveldb::Table::Open(options, file.get(), plain.size(), &made), path);
    const std::unique_ptr<leveldb::Table> table(made);
    leveldb::ReadOptions reading;
    reading.verify_checksums = true;
    reading.fill_cache = false;
    const std::unique_ptr<leveldb::Iterator> it(table->NewIterator(reading));
    for (it->SeekToFirst(); it->Valid(); it->Next()) entries.emplace_back(it->key().ToString(), it->value().ToString());
    check(it->status(), path);
  } catch (const std::bad_alloc&) {
    fail("{}: damaged: a block of an impossible size", path);
  }
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i - 1].first >= entries[i].first) fail("{}: damaged: its keys aren't in order", path);
  }
  return entries;
}

void write_table(const std::string& path, const std::map<std::string, std::string>& entries) {
  leveldb::WritableFile* opened = nullptr;
  check(leveldb::Env::Default()->NewWritableFile(path, &opened), path);
  const std::unique_ptr<leveldb::WritableFile> file(opened);
  leveldb::Options options;
  options.compression = leveldb::kNoCompression;
  options.block_size = kBlockSize;
  leveldb::TableBuilder builder(options, file.get());
  for (const auto& [key, value] : entries) builder.Add(key, value);
  check(builder.Finish(), path);
  check(file->Sync(), path);
  check(file->Close(), path);
}

std::string slice_key(std::string_view name, const std::vector<SliceExtent>& extents) {
  std::string key;
  append_ordered(key, uint64_t{0});
  append_ordered(key, name);
  append_ordered(key, uint64_t{extents.size()});
  for (const SliceExtent& extent : extents) {
    append_ordered_signed(key, extent.start);
    append_ordered_signed(key, extent.length);
  }
  return key;
}

}  // namespace netwright
