#include "data/image.h"

#include <cstring>

namespace netwright {

void crop_image(const Image& whole, const CropWindow& window, Image& target) {
  target.reshape(window.height, window.width, whole.channels());
  for (int64_t y = 0; y < window.height; ++y) {
    std::memcpy(target.row(y), whole.row(window.y + y) + window.x * whole.channels(),
                static_cast<size_t>(target.row_bytes()));
  }
}

}  // namespace netwright
