#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/random.h"
#include "data/sources.h"
#include "formats/idx.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// Empty when there is neither.
std::string plain_or_gzipped(const fs::path& path) {
  for (const char* suffix : {"", ".gz"}) {
    if (fs::exists(path.string() + suffix)) return path.string() + suffix;
  }
  return {};
}

}  // namespace

IdxPair find_idx(const fs::path& folder, DataSplit split) {
  const std::string prefix = split == DataSplit::kTrain ? "train" : "t10k";
  const fs::path images = folder / (prefix + "-images-idx3-ubyte");
  const fs::path labels = folder / (prefix + "-labels-idx1-ubyte");
  IdxPair pair{plain_or_gzipped(images), plain_or_gzipped(labels)};
  const auto require = [](const std::string& wanted, const fs::path& usual, const std::string& other) {
    if (wanted.empty()) fail("{}: missing beside {}", usual.string(), fs::path(other).filename().string());
  };
  if (!pair.images.empty()) require(pair.labels, labels, pair.images);
  if (!pair.labels.empty()) require(pair.images, images, pair.labels);
  return pair;
}

IdxSource::IdxSource(const std::string& images, const std::string& labels)
    : path_(images), labels_(read_idx_labels(labels)) {
  IdxImages read = read_idx_images(images);
  count_ = read.count;
  height_ = read.height;
  width_ = read.width;
  pixels_ = std::move(read.pixels);
  if (count_ == 0 || height_ == 0 || width_ == 0) fail("{}: {} images of {} x {}", images, count_, height_, width_);
  if (static_cast<int64_t>(labels_.size()) != count_) {
    fail("{}: {} labels, but {} has {} images", labels, labels_.size(), images, count_);
  }
}

void IdxSource::read_grey(int64_t index, Image& image) const {
  image.reshape(height_, width_, 1);
  std::memcpy(image.pixels(), pixels_.data() + index * image.bytes(), static_cast<size_t>(image.bytes()));
}

void IdxSource::read(int64_t index, Sample& sample) const {
  sample.pixels.reshape(height_, width_, 3);
  const int64_t count = height_ * width_;
  const char* grey = pixels_.data() + index * count;
  uint8_t* rgb = sample.pixels.pixels();
  for (int64_t i = 0; i < count * 3; ++i) rgb[i] = static_cast<uint8_t>(grey[i / 3]);
  sample.decoded = true;
  sample.label = label(index);
}

std::string IdxSource::describe(int64_t index) const { return fmt::format("{}, image {}", path_, index); }

FakeSource::FakeSource(const SourceOptions::Fake& options) : options_(options) {
  if (options.size <= 0 || options.classes <= 0 || options.height <= 0 || options.width <= 0) {
    fail("fake data of {} images, {} classes, {} x {} pixels; expected at least 1 of each", options.size,
         options.classes, options.height, options.width);
  }
}

void FakeSource::read(int64_t index, Sample& sample) const {
  RandomStream stream(options_.seed, RandomPurpose::kFakeData, 0, static_cast<uint64_t>(index));
  sample.label = static_cast<int64_t>(stream.below(static_cast<uint64_t>(options_.classes)));
  sample.pixels.reshape(options_.height, options_.width, 3);
  uint8_t* pixels = sample.pixels.pixels();
  const int64_t bytes = sample.pixels.bytes();
  for (int64_t i = 0; i < bytes; i += 4) {
    const uint32_t noise = stream.next_u32();
    std::memcpy(pixels + i, &noise, static_cast<size_t>(std::min<int64_t>(4, bytes - i)));
  }
  sample.decoded = true;
}

std::string FakeSource::describe(int64_t index) const { return fmt::format("fake image {}", index); }

}  // namespace netwright
