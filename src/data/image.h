// A decoded picture, and parts of it.
#pragma once

#include <cstdint>
#include <memory>

namespace netwright {

// A rectangle of pixels, origin at the top left.
struct CropWindow {
  int64_t y = 0;
  int64_t x = 0;
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const CropWindow&) const = default;
};

// Eight-bit pixels [height, width, channels], rows packed, channels 1 (grey) or 3 (RGB). The memory is kept when the
// next picture fits, so that a worker decodes without allocating.
class Image {
 public:
  // Takes this shape; the pixels' values are undefined afterwards.
  void reshape(int64_t height, int64_t width, int64_t channels) {
    const int64_t bytes = height * width * channels;
    if (bytes > capacity_) {
      pixels_ = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(bytes));
      capacity_ = bytes;
    }
    height_ = height;
    width_ = width;
    channels_ = channels;
  }

  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t channels() const { return channels_; }
  int64_t row_bytes() const { return width_ * channels_; }
  int64_t bytes() const { return height_ * row_bytes(); }
  uint8_t* row(int64_t y) { return pixels_.get() + y * row_bytes(); }
  const uint8_t* row(int64_t y) const { return pixels_.get() + y * row_bytes(); }
  uint8_t* pixels() { return pixels_.get(); }
  const uint8_t* pixels() const { return pixels_.get(); }

 private:
  std::unique_ptr<uint8_t[]> pixels_;
  int64_t capacity_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  int64_t channels_ = 0;
};

// Pixels of an image or of a part of it, in somebody else's memory: [height, width, channels], rows `stride` bytes
// apart.
struct ImageView {
  const uint8_t* pixels = nullptr;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  int64_t stride = 0;
};

// The window, which must lie inside `whole`.
ImageView view_of(const Image& whole, const CropWindow& window);

void copy_image(const ImageView& from, Image& target);

}  // namespace netwright
