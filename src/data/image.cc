#include "data/image.h"

#include <cstring>

namespace netwright {

ImageView view_of(const Image& whole, const CropWindow& window) {
  return {whole.row(window.y) + window.x * whole.channels(), window.height, window.width, whole.channels(),
          whole.row_bytes()};
}

void copy_image(const ImageView& from, Image& target) {
  target.reshape(from.height, from.width, from.channels);
  const auto bytes = static_cast<size_t>(target.row_bytes());
  for (int64_t y = 0; y < from.height; ++y) std::memcpy(target.row(y), from.pixels + y * from.stride, bytes);
}

}  // namespace netwright
