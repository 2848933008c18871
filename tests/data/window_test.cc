// A window's pixels are those of the whole picture, for every kind of JPEG and wherever the window lies.
#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "data/decode.h"
#include "data/jpeg_maker.h"

namespace netwright {
namespace {

using test::JpegColor;
using test::JpegKind;

// Waves and noise: neighbours differ, so that a pixel from the wrong place shows.
std::string picture(int64_t height, int64_t width, int channels, RandomStream& stream) {
  std::string pixels;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const double wave = std::sin(0.37 * static_cast<double>(x) + c) + std::cos(0.23 * static_cast<double>(y) - c);
        pixels.push_back(static_cast<char>(static_cast<int>(128 + 40 * wave) + static_cast<int>(stream.below(40))));
      }
    }
  }
  return pixels;
}

CropWindow draw_window(int64_t height, int64_t width, RandomStream& stream) {
  const auto below = [&](int64_t limit) { return static_cast<int64_t>(stream.below(static_cast<uint64_t>(limit))); };
  CropWindow window;
  window.height = 1 + below(height);
  window.width = 1 + below(width);
  window.y = below(height - window.height + 1);
  window.x = below(width - window.width + 1);
  // Corners of blocks are where mistakes would be made.
  if (stream.below(3) == 0) window.x = window.x / 8 * 8;
  if (stream.below(3) == 0) window.y = window.y / 8 * 8;
  return window;
}

// Smooth upsampling looks at the neighbour column of colour. At a window's ends there may be none, and such columns are
// not compared here: the last one, and the first one when it begins a group of blocks. (Those of TensorFlow's windows
// are in the golden cases.) Where one column of colour is all there is, libjpeg doesn't smooth at all.
struct Columns {
  int64_t begin;
  int64_t end;
};
Columns comparable_columns(const JpegKind& kind, const DecodeOptions& options, const CropWindow& window,
                           int64_t image_width) {
  Columns columns{0, window.width};
  if (kind.horizontal != 2 || !options.fancy_upsampling) return columns;
  if (window.x % 16 + window.width <= 2 && image_width > 2) return {0, 0};
  if (window.x > 0 && window.x % 16 == 0) columns.begin = 1;
  if (window.x + window.width < image_width) --columns.end;
  return columns;
}

// Windows that differ, as text; empty when all is well.
std::string compare_windows(const JpegKind& kind, const DecodeOptions& options, int64_t height, int64_t width,
                            int windows, RandomStream& stream, int64_t& compared) {
  const std::string bytes =
      test::make_jpeg(kind, height, width, picture(height, width, test::channels_of(kind.color), stream));
  const Image whole = decode_image(bytes, options);
  ImageDecoder decoder;
  for (int i = 0; i < windows; ++i) {
    const CropWindow window = draw_window(height, width, stream);
    decoder.open(bytes);
    const ImageView view = decoder.view_window(window, options);
    const ImageView expected = view_of(whole, window);
    if (view.height != window.height || view.width != window.width || view.channels != whole.channels()) return "shape";
    const Columns columns = comparable_columns(kind, options, window, width);
    for (int64_t y = 0; y < window.height && columns.begin < columns.end; ++y) {
      const int64_t first = columns.begin * view.channels;
      const int64_t last = columns.end * view.channels;
      const uint8_t* got = view.pixels + y * view.stride;
      if (!std::equal(got + first, got + last, expected.pixels + y * expected.stride + first)) {
        return fmt::format("row {} of window {} x {} at ({}, {}) in {} x {}", y, window.width, window.height, window.x,
                           window.y, width, height);
      }
      compared += columns.end - columns.begin;
    }
  }
  return "";
}

std::string name_of(const JpegKind& kind) {
  constexpr const char* kColors[] = {"grey", "RGB", "YCC", "CMYK", "YCCK"};
  return fmt::format("{} {}x{}{}{} restart {}", kColors[static_cast<size_t>(kind.color)], kind.horizontal,
                     kind.vertical, kind.progressive ? " progressive" : "", kind.arithmetic ? " arithmetic" : "",
                     kind.restart_rows);
}

std::vector<JpegKind> all_kinds() {
  struct Base {
    JpegColor color;
    int horizontal;
    int vertical;
  };
  constexpr Base kBases[] = {{JpegColor::kGrey, 1, 1}, {JpegColor::kRgb, 1, 1}, {JpegColor::kYcc, 1, 1},
                             {JpegColor::kYcc, 2, 1},  {JpegColor::kYcc, 1, 2}, {JpegColor::kYcc, 2, 2},
                             {JpegColor::kYcc, 4, 1},  {JpegColor::kYcc, 4, 2}, {JpegColor::kCmyk, 1, 1},
                             {JpegColor::kYcck, 2, 2}};
  std::vector<JpegKind> kinds;
  for (const Base& base : kBases) {
    JpegKind kind{.color = base.color, .horizontal = base.horizontal, .vertical = base.vertical};
    kinds.push_back(kind);
    kind.restart_rows = 1;
    kinds.push_back(kind);
    kind.progressive = true;
    kinds.push_back(kind);
    kind.restart_rows = 0;
    kinds.push_back(kind);
    kind.progressive = false;
    kind.arithmetic = true;
    kinds.push_back(kind);
  }
  return kinds;
}

struct Size {
  int64_t height;
  int64_t width;
};
constexpr Size kSizes[] = {{1, 1},   {1, 40},  {40, 1},  {2, 3},   {7, 5},   {8, 8},    {9, 17},   {15, 31},  {16, 16},
                           {17, 33}, {32, 48}, {33, 65}, {47, 50}, {64, 64}, {75, 100}, {101, 67}, {130, 131}};
constexpr int kWindows = 12;

TEST(Window, EqualsThatPartOfTheWholePicture) {
  RandomStream stream(7, RandomPurpose::kTest, 0, 0);
  int64_t compared = 0;
  for (const JpegKind& kind : all_kinds()) {
    for (const auto& [height, width] : kSizes) {
      EXPECT_EQ(compare_windows(kind, {}, height, width, kWindows, stream, compared), "") << name_of(kind);
    }
  }
  EXPECT_GT(compared, 1000000);
}

TEST(Window, EqualsThatPartWithOtherOptions) {
  RandomStream stream(8, RandomPurpose::kTest, 0, 0);
  int64_t compared = 0;
  for (const JpegKind& kind : all_kinds()) {
    const DecodeOptions others[] = {{.dct = JpegDct::kAccurate}, {.fancy_upsampling = false}};
    for (const DecodeOptions& options : others) {
      EXPECT_EQ(compare_windows(kind, options, 75, 100, kWindows, stream, compared), "") << name_of(kind);
    }
  }
  EXPECT_GT(compared, 1000000);
}

}  // namespace
}  // namespace netwright
