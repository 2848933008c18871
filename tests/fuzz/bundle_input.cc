#include "fuzz/bundle_input.h"

#include <fstream>

#include <fmt/format.h>

#include "formats/bundle_index.h"
#include "formats/crc32c.h"
#include "formats/little_endian.h"
#include "formats/tensor_bundle.h"
#include "formats/tensor_bundle.pb.h"
#include "formats/varint.h"

namespace netwright::fuzz {
namespace {

constexpr unsigned char kNoMoreShards = 255;
constexpr size_t kMostShards = 4;

std::string take(std::string_view& bytes, size_t size) {
  const std::string taken(bytes.substr(0, size));
  bytes.remove_prefix(taken.size());
  return taken;
}

unsigned take_byte(std::string_view& bytes) {
  const std::string byte = take(bytes, 1);
  return byte.empty() ? 0 : static_cast<unsigned char>(byte[0]);
}

// Strings: lengths, their CRC, contents; the entry's CRC runs over all, with the lengths as 32-bit numbers.
uint32_t mend_strings(std::string& stored, int64_t count) {
  std::string_view rest = stored;
  uint32_t crc = 0;
  uint64_t length = 0;
  for (int64_t i = 0; i < count && take_varint(rest, length); ++i) {
    const size_t width = length <= UINT32_MAX ? 4 : 8;
    crc = crc32c_extend(crc, {reinterpret_cast<const char*>(&length), width});
  }
  if (rest.size() < 4) return 0;
  const uint32_t masked = crc32c_mask(crc);
  std::memcpy(stored.data() + (stored.size() - rest.size()), &masked, sizeof masked);
  return crc32c_extend(crc, rest);
}

int64_t count_of(const proto::TensorShape& shape) {
  int64_t count = 1;
  for (const auto& dim : shape.dim()) {
    if (dim.size() < 0 || __builtin_mul_overflow(count, dim.size(), &count)) return 0;
  }
  return count;
}

}  // namespace

BundleInput unpack_bundle(std::string_view bytes) {
  BundleInput input;
  while (!bytes.empty() && input.shards.size() < kMostShards) {
    const unsigned size = take_byte(bytes);
    if (size == kNoMoreShards) break;
    input.shards.push_back(take(bytes, size));
  }
  while (!bytes.empty()) {
    std::string key = take(bytes, take_byte(bytes));
    const unsigned low = take_byte(bytes);
    input.entries[std::move(key)] = take(bytes, low | take_byte(bytes) << 8);
  }
  return input;
}

std::string pack_bundle(const BundleInput& input) {
  std::string bytes;
  for (const std::string& shard : input.shards) bytes += static_cast<char>(shard.size()) + shard;
  bytes += static_cast<char>(kNoMoreShards);
  for (const auto& [key, value] : input.entries) {
    bytes += static_cast<char>(key.size()) + key;
    append_little(bytes, static_cast<uint16_t>(value.size()));
    bytes += value;
  }
  return bytes;
}

void mend_bundle(BundleInput& input) {
  for (auto& [key, value] : input.entries) {
    proto::BundleEntry entry;
    if (key.empty() || !entry.ParseFromString(value)) continue;
    const auto shard = static_cast<size_t>(entry.shard_id());
    if (entry.shard_id() < 0 || shard >= input.shards.size() || entry.offset() < 0 || entry.size() < 0) continue;
    std::string& data = input.shards[shard];
    const auto begin = static_cast<size_t>(entry.offset());
    const auto size = static_cast<size_t>(entry.size());
    if (begin > data.size() || size > data.size() - begin) continue;
    std::string stored = data.substr(begin, size);
    const bool strings = static_cast<DataType>(entry.dtype()) == DataType::kString;
    entry.set_crc32c(crc32c_mask(strings ? mend_strings(stored, count_of(entry.shape())) : crc32c(stored)));
    data.replace(begin, size, stored);
    value = entry.SerializeAsString();
  }
}

void write_bundle(const std::string& prefix, const BundleInput& input) {
  for (size_t i = 0; i < input.shards.size(); ++i) {
    std::ofstream(fmt::format("{}.data-{:05}-of-{:05}", prefix, i, input.shards.size()), std::ios::binary)
        << input.shards[i];
  }
  write_table(prefix + ".index", input.entries);
}

}  // namespace netwright::fuzz
