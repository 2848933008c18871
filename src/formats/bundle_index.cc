#include "formats/bundle_index.h"

#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>

#include <memory>

#include "core/error.h"

namespace netwright {
namespace {

constexpr size_t kBlockSize = 262144;  // TensorFlow's

void check(const leveldb::Status& status, const std::string& path) {
  if (!status.ok()) fail("{}: {}", path, status.ToString());
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
