// Reads tables. Not by LevelDB's reader, which believes the sizes in a table: a damaged one makes it take any amount of
// memory and read behind its blocks.
#include <array>

#include <snappy-c.h>

#include "core/error.h"
#include "formats/bundle_index.h"
#include "formats/crc32c.h"
#include "formats/file_io.h"
#include "formats/little_endian.h"
#include "formats/varint.h"

namespace netwright {
namespace {

constexpr size_t kFooterSize = 48;
constexpr size_t kHandlesSize = 40;
constexpr uint64_t kTrailerSize = 5;
constexpr uint64_t kMagic = 0xdb4775248b80fb57ULL;
constexpr char kPlain = 0;
constexpr char kSnappy = 1;
// A key is stored as what differs from the one before, so a small file can hold large ones. Real names, and what snappy
// makes of a block, stay far below this many bytes for each stored one.
constexpr uint64_t kMostExpansion = 50;

// Where a block lies; its trailer (one byte of type, four of CRC) is behind it.
struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;
};

bool take_handle(std::string_view& bytes, BlockHandle& handle) {
  return take_varint(bytes, handle.offset) && take_varint(bytes, handle.size);
}

class TableReader {
 public:
  explicit TableReader(const std::string& path) : file_(path) {}

  TableEntries read() {
    std::string last_key;
    for_each_entry(read_block(find_index(), "index"), [&](const std::string& /*separator*/, std::string_view value) {
      BlockHandle handle;
      if (!take_handle(value, handle)) refuse("its index doesn't say where a block is");
      if (handle.offset < read_until_) refuse("its blocks overlap or aren't in order");
      const std::string block = read_block(handle, "data");
      read_until_ = handle.offset + handle.size + kTrailerSize;
      for_each_entry(block, [&](const std::string& key, std::string_view bytes) {
        if (!entries_.empty() && entries_.back().first >= key) refuse("its keys aren't in order");
        entries_.emplace_back(key, bytes);
      });
    });
    return std::move(entries_);
  }

 private:
  BlockHandle find_index() {
    if (file_.size() < kFooterSize) {
      fail("{}: not a checkpoint's index: {} bytes, expected at least {}", file_.path(), file_.size(), kFooterSize);
    }
    std::array<char, kFooterSize> footer{};
    file_.read_at(file_.size() - kFooterSize, footer.data(), footer.size());
    if (load_little<uint64_t>(footer.data() + kHandlesSize) != kMagic) {
      fail("{}: not a checkpoint's index, or cut short: the magic number at its end is wrong", file_.path());
    }
    std::string_view handles(footer.data(), kHandlesSize);
    BlockHandle metaindex;  // it says nothing in a checkpoint
    BlockHandle index;
    if (!take_handle(handles, metaindex) || !take_handle(handles, index)) refuse("its footer can't be read");
    check_place(metaindex, "metaindex");
    return index;
  }

  void check_place(const BlockHandle& handle, std::string_view name) const {
    const uint64_t end = file_.size() - kFooterSize;
    if (handle.offset > end || handle.size > end - handle.offset || end - handle.offset - handle.size < kTrailerSize) {
      refuse(
          fmt::format("a block ({}) of {} bytes at byte {} isn't inside the file", name, handle.size, handle.offset));
    }
  }

  std::string read_block(const BlockHandle& handle, std::string_view name) const {
    check_place(handle, name);
    std::string bytes(handle.size + kTrailerSize, '\0');
    file_.read_at(handle.offset, bytes.data(), bytes.size());
    const std::string_view checked(bytes.data(), handle.size + 1);
    if (crc32c_mask(crc32c(checked)) != load_little<uint32_t>(bytes.data() + checked.size())) {
      refuse(fmt::format("the CRC of the block ({}) at byte {} doesn't match", name, handle.offset));
    }
    const char type = bytes[handle.size];
    bytes.resize(handle.size);
    if (type == kSnappy) return uncompress(bytes);
    if (type != kPlain) refuse(fmt::format("a block ({}) of the unknown type {}", name, static_cast<int>(type)));
    return bytes;
  }

  std::string uncompress(const std::string& bytes) const {
    size_t size = 0;
    const bool known = snappy_uncompressed_length(bytes.data(), bytes.size(), &size) == SNAPPY_OK;
    std::string plain(known && size <= bytes.size() * kMostExpansion ? size : 0, '\0');
    if (!known || size != plain.size() ||
        snappy_uncompress(bytes.data(), bytes.size(), plain.data(), &size) != SNAPPY_OK) {
      refuse("a compressed block can't be read");
    }
    return plain;
  }

  // Calls visit(key, value) for the entries of a block.
  template <typename Visit>
  void for_each_entry(const std::string& block, Visit&& visit) {
    std::string_view rest = without_restarts(block);
    std::string key;
    while (!rest.empty()) {
      uint64_t shared = 0;
      uint64_t own = 0;
      uint64_t size = 0;
      const bool read = take_varint(rest, shared) && take_varint(rest, own) && take_varint(rest, size);
      if (!read || shared > key.size() || own > rest.size() || size > rest.size() - own) refuse("a damaged entry");
      key.resize(shared);
      key += rest.substr(0, own);
      key_bytes_ += key.size();
      if (key_bytes_ > file_.size() * kMostExpansion) refuse("its keys are impossibly long");
      visit(key, rest.substr(own, size));
      rest.remove_prefix(own + size);
    }
  }

  // A block ends with the places where no prefix is shared, for searching, and their number.
  std::string_view without_restarts(std::string_view block) const {
    constexpr size_t kWidth = sizeof(uint32_t);
    if (block.size() < kWidth) refuse("a block that is too short");
    const uint64_t restarts = load_little<uint32_t>(block.data() + block.size() - kWidth);
    if (restarts > block.size() / kWidth - 1) refuse("a block without room for its restarts");
    return block.substr(0, block.size() - kWidth * (restarts + 1));
  }

  [[noreturn]] void refuse(std::string_view what) const { fail("{}: damaged: {}", file_.path(), what); }

  ReadOnlyFile file_;
  TableEntries entries_;
  uint64_t read_until_ = 0;  // end of the last block of data
  uint64_t key_bytes_ = 0;
};

}  // namespace

TableEntries read_table(const std::string& path) { return TableReader(path).read(); }

}  // namespace netwright
