#include "data/picture_files.h"

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "data/decode.h"
#include "data/encode.h"
#include "data/python_shuffle.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// The originals' random.seed(0).
constexpr uint32_t kShuffleSeed = 0;

std::string read_item(const PictureFiles& files, const PictureFiles::Item& item) {
  if (!files.archive) return read_file(item.path);
  std::string bytes(item.size, '\0');
  files.archive->read_at(item.offset, bytes.data(), bytes.size());
  return bytes;
}

std::string name_of(const PictureFiles& files, const PictureFiles::Item& item) {
  return files.archive ? fmt::format("{}: {}", files.archive->path(), item.path) : item.path;
}

// A file's bytes, checked as far as its header and its end.
std::string read_picture(const PictureFiles& files, const PictureFiles::Item& item, bool jpeg_only) {
  std::string bytes = read_item(files, item);
  try {
    const ImageHeader header = read_image_header(bytes);
    const bool is_jpeg = header.kind == ImageKind::kJpeg;
    if (is_jpeg ? header.channels == 4 : jpeg_only) return encode_jpeg(decode_image(bytes), {.quality = 100});
  } catch (const Error& error) {
    fail("{}: {}", name_of(files, item), error.what());
  }
  return bytes;
}

}  // namespace

ShardPart picture_part(std::string name, int64_t shards, PictureFiles files, PictureOrder order, bool jpeg_only) {
  ShardPart part{.name = std::move(name), .shards = shards, .size = static_cast<int64_t>(files.items.size())};
  for (const PictureFiles::Item& item : files.items) {
    part.bytes += static_cast<int64_t>(item.size);
    part.fingerprint = extend_fingerprint(part.fingerprint, fs::path(item.path).filename().string(), item.label);
    part.fingerprint = extend_fingerprint(part.fingerprint, "", static_cast<int64_t>(item.size));
  }
  std::vector<uint32_t> places;
  if (order == PictureOrder::kShuffled) places = python_shuffle(static_cast<uint32_t>(part.size), kShuffleSeed);
  auto shared = std::make_shared<const PictureFiles>(std::move(files));
  part.picture = [shared, places = std::move(places), jpeg_only](int64_t place) {
    const auto at = static_cast<size_t>(place);
    const PictureFiles::Item& item = shared->items[places.empty() ? at : places[at]];
    return LabelledPicture{read_picture(*shared, item, jpeg_only), item.label, fs::path(item.path).filename().string()};
  };
  return part;
}

}  // namespace netwright
