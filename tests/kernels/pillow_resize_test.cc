// Against Pillow 13.0.0: Image.resize(..., BICUBIC).
#include "kernels/pillow_resize.h"

#include <gtest/gtest.h>

namespace netwright {
namespace {

constexpr int64_t kHeight = 11;
constexpr int64_t kWidth = 7;

std::vector<uint8_t> picture() {
  std::vector<uint8_t> pixels;
  for (int64_t y = 0; y < kHeight; ++y) {
    for (int64_t x = 0; x < kWidth; ++x) {
      for (int64_t c = 0; c < 3; ++c)
        pixels.push_back(static_cast<uint8_t>(y * y * 31 + x * 57 + c * 101 + x * y * 13));
    }
  }
  return pixels;
}

std::vector<float> resized(const ResizedWindow& window, RgbTarget target) {
  const std::vector<uint8_t> pixels = picture();
  std::vector<float> values(static_cast<size_t>(target.height * target.width * 3));
  target.pixels = values.data();
  PillowResizer().resize({pixels.data(), kHeight, kWidth, kWidth * 3}, window, target);
  return values;
}

TEST(PillowResizer, Shrinks) {
  const std::vector<float> wanted = {59,  148, 126, 146, 112, 106, 149, 108, 124, 104, 148, 117, 123, 152, 138,
                                     131, 119, 116, 130, 140, 102, 117, 157, 125, 119, 148, 132, 176, 142, 110,
                                     158, 130, 117, 154, 154, 129, 165, 140, 112, 91,  113, 156, 143, 114, 83,
                                     167, 156, 117, 140, 115, 149, 112, 155, 137, 104, 135, 130, 154, 133, 156};
  EXPECT_EQ(resized({.height = 5, .width = 4}, {.height = 5, .width = 4}), wanted);
}

// Rows 3 to 7, columns 2 to 7 of 16 x 9.
TEST(PillowResizer, GrowsAndCuts) {
  const std::vector<float> wanted = {
      132, 71,  200, 38,  152, 209, 127, 213, 73,  194, 69,  119, 94,  82,  200, 42,  164, 175, 163, 120, 151, 125, 107,
      170, 73,  186, 19,  157, 192, 95,  186, 129, 192, 146, 126, 162, 168, 152, 91,  200, 55,  129, 49,  150, 0,   124,
      207, 67,  195, 139, 172, 173, 119, 156, 138, 132, 84,  181, 58,  127, 54,  155, 0,   150, 32,  79,  80,  56,  189,
      43,  160, 181, 179, 164, 112, 226, 89,  172, 89,  209, 35,  209, 63,  150, 127, 121, 130, 93,  173, 106};
  EXPECT_EQ(resized({.height = 16, .width = 9, .top = 3, .left = 2}, {.height = 5, .width = 6}), wanted);
}

TEST(PillowResizer, MirrorsAndNormalises) {
  const std::vector<float> plain = resized({.height = 5, .width = 4}, {.height = 5, .width = 4});
  const std::vector<float> mirrored =
      resized({.height = 5, .width = 4},
              {.height = 5, .width = 4, .mirror = true, .mean = {1.0F, 2.0F, 3.0F}, .deviation = {2.0F, 4.0F, 8.0F}});
  for (size_t row = 0; row < 5; ++row) {
    for (size_t x = 0; x < 4; ++x) {
      EXPECT_EQ(mirrored[(row * 4 + x) * 3], (plain[(row * 4 + 3 - x) * 3] - 1.0F) / 2.0F);
      EXPECT_EQ(mirrored[(row * 4 + x) * 3 + 2], (plain[(row * 4 + 3 - x) * 3 + 2] - 3.0F) / 8.0F);
    }
  }
}

}  // namespace
}  // namespace netwright
