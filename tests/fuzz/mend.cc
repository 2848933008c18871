#include "fuzz/mend.h"

#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "formats/crc32c.h"
#include "formats/little_endian.h"
#include "formats/varint.h"

namespace netwright::fuzz {
namespace {

template <typename T>
void store(std::string& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

void mend_crc(std::string& bytes, size_t begin, size_t size) {
  store(bytes, begin + size, crc32c_mask(crc32c(std::string_view(bytes).substr(begin, size))));
}

struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;
};

bool take_handle(std::string_view& bytes, BlockHandle& handle) {
  return take_varint(bytes, handle.offset) && take_varint(bytes, handle.size);
}

// False when the block with its type and CRC isn't inside the file.
bool mend_block(std::string& bytes, const BlockHandle& handle) {
  constexpr uint64_t kTrailer = 5;
  if (handle.offset > bytes.size() || handle.size > bytes.size() ||
      bytes.size() - handle.offset < handle.size + kTrailer) {
    return false;
  }
  mend_crc(bytes, handle.offset, handle.size + 1);
  return true;
}

// The handles that the entries of an index block hold.
std::vector<BlockHandle> handles_in(std::string_view block) {
  std::vector<BlockHandle> handles;
  uint64_t shared = 0;
  uint64_t own = 0;
  uint64_t size = 0;
  while (take_varint(block, shared) && take_varint(block, own) && take_varint(block, size)) {
    if (own > block.size() || size > block.size() - own) break;
    std::string_view value = block.substr(own, size);
    BlockHandle handle;
    if (take_handle(value, handle)) handles.push_back(handle);
    block.remove_prefix(own + size);
  }
  return handles;
}

}  // namespace

void mend_records(std::string& bytes) {
  size_t at = 0;
  while (bytes.size() - at >= 12) {
    mend_crc(bytes, at, 8);
    const auto length = load_little<uint64_t>(bytes.data() + at);
    const size_t left = bytes.size() - at - 12;
    if (left < 4 || length > left - 4) return;
    mend_crc(bytes, at + 12, length);
    at += length + 16;
  }
}

void mend_table(std::string& bytes) {
  constexpr size_t kFooter = 48;
  constexpr uint64_t kMagic = 0xdb4775248b80fb57ULL;
  if (bytes.size() < kFooter) return;
  store(bytes, bytes.size() - 8, kMagic);
  const std::string footer = bytes.substr(bytes.size() - kFooter);
  std::string_view rest = footer;
  BlockHandle metaindex;
  BlockHandle index;
  if (!take_handle(rest, metaindex) || !take_handle(rest, index)) return;
  mend_block(bytes, metaindex);
  if (!mend_block(bytes, index)) return;
  for (const BlockHandle& handle : handles_in(std::string_view(bytes).substr(index.offset, index.size))) {
    mend_block(bytes, handle);
  }
  // Blocks may overlap: what leads to the others counts.
  mend_block(bytes, index);
}

void mend_png(std::string& bytes) {
  size_t at = 8;
  while (at + 12 <= bytes.size()) {
    const auto length = __builtin_bswap32(load_little<uint32_t>(bytes.data() + at));
    if (length > bytes.size() - at - 12) return;
    const auto* chunk = reinterpret_cast<const Bytef*>(bytes.data() + at + 4);
    store(bytes, at + 8 + length, __builtin_bswap32(static_cast<uint32_t>(crc32(0, chunk, length + 4))));
    at += length + 12;
  }
}

void mend_zip(std::string& bytes) {
  constexpr std::string_view kEntry = "PK\x01\x02";
  constexpr size_t kEntrySize = 46;
  constexpr size_t kMemberHeader = 30;
  for (size_t at = bytes.find(kEntry); at != std::string::npos; at = bytes.find(kEntry, at + 1)) {
    if (bytes.size() - at < kEntrySize) return;
    const size_t size = load_little<uint32_t>(bytes.data() + at + 24);
    const size_t member = load_little<uint32_t>(bytes.data() + at + 42);
    if (member + kMemberHeader > bytes.size()) continue;
    const size_t names = load_little<uint16_t>(bytes.data() + member + 26) +
                         static_cast<size_t>(load_little<uint16_t>(bytes.data() + member + 28));
    const size_t begin = member + kMemberHeader + names;
    if (begin > bytes.size() || size > bytes.size() - begin) continue;
    const auto* content = reinterpret_cast<const Bytef*>(bytes.data() + begin);
    const auto crc = static_cast<uint32_t>(crc32(0, content, static_cast<uInt>(size)));
    // A member that was written as a stream has its CRC behind its content, after a signature.
    constexpr unsigned kStreamed = 8;
    const bool streamed = (load_little<uint16_t>(bytes.data() + member + 6) & kStreamed) != 0;
    const size_t place = streamed ? begin + size + 4 : member + 14;
    if (place + sizeof(crc) <= bytes.size()) store(bytes, place, crc);
    store(bytes, at + 16, crc);
  }
}

void mend_tar(std::string& bytes) {
  constexpr size_t kBlock = 512;
  constexpr size_t kMagic = 257;
  constexpr size_t kSum = 148;
  constexpr size_t kSumDigits = 8;
  for (size_t at = 0; at + kBlock <= bytes.size(); at += kBlock) {
    if (bytes.compare(at + kMagic, 5, "ustar") != 0) continue;
    bytes.replace(at + kSum, kSumDigits, kSumDigits, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(bytes[at + i]);
    bytes.replace(at + kSum, kSumDigits - 1, fmt::format("{:06o}", sum) + '\0');
  }
}

}  // namespace netwright::fuzz
