#include "formats/idx.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "formats/byte_stream.h"

namespace netwright {
namespace {

constexpr unsigned char kUnsignedByte = 0x08;
// Memory grows with what was really read, whatever the header says.
constexpr size_t kReadStep = 256 << 10;

uint32_t load_big(const unsigned char* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

void read_exactly(ByteStream& stream, const std::string& path, char* target, size_t count, const char* what) {
  const size_t got = stream.read(target, count);
  if (got != count) fail("{}: cut short: expected {} bytes of {}, found {}", path, count, what, got);
}

struct IdxArray {
  std::vector<uint32_t> shape;
  std::string values;
};

IdxArray read_idx(const std::string& path, size_t axes) {
  const auto stream = open_byte_stream(path, path.ends_with(".gz") ? Compression::kGzip : Compression::kNone);
  std::array<unsigned char, 16> header{};
  char* const start = reinterpret_cast<char*>(header.data());
  read_exactly(*stream, path, start, 4, "header");
  if (header[0] != 0 || header[1] != 0 || header[2] != kUnsignedByte || header[3] != axes) {
    fail(
        "{}: not an IDX file of unsigned bytes with {} axes: starts with {:02x}{:02x}{:02x}{:02x}, expected "
        "0000{:02x}{:02x}",
        path, axes, header[0], header[1], header[2], header[3], kUnsignedByte, axes);
  }
  read_exactly(*stream, path, start + 4, 4 * axes, "header");
  IdxArray array;
  uint64_t size = 1;
  for (size_t i = 0; i < axes; ++i) {
    array.shape.push_back(load_big(header.data() + 4 + 4 * i));
    if (__builtin_mul_overflow(size, array.shape.back(), &size)) fail("{}: its extents are impossibly large", path);
  }
  while (array.values.size() < size) {
    const size_t begin = array.values.size();
    const size_t step = static_cast<size_t>(std::min<uint64_t>(size - begin, std::max(begin, kReadStep)));
    array.values.resize(begin + step);
    const size_t got = stream->read(array.values.data() + begin, step);
    if (got < step) fail("{}: cut short: expected {} bytes of values, found {}", path, size, begin + got);
  }
  char more = 0;
  if (stream->read(&more, 1) != 0) fail("{}: there are bytes behind the {} that its header promises", path, size);
  return array;
}

}  // namespace

IdxImages read_idx_images(const std::string& path) {
  IdxArray array = read_idx(path, 3);
  return {array.shape[0], array.shape[1], array.shape[2], std::move(array.values)};
}

std::vector<uint8_t> read_idx_labels(const std::string& path) {
  const IdxArray array = read_idx(path, 1);
  return {array.values.begin(), array.values.end()};
}

}  // namespace netwright
