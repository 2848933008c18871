#include "data/sheet.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <string_view>

#include "core/error.h"

namespace netwright {
namespace {

constexpr int64_t kGap = 4;  // pixels around tiles
constexpr uint8_t kPaper = 255;
constexpr uint8_t kInk = 0;

constexpr int64_t kGlyphWidth = 5;
constexpr int64_t kGlyphHeight = 7;
constexpr int64_t kCaptionHeight = kGlyphHeight + 4;

// Rows from the top, the leftmost pixel in bit 4.
struct Glyph {
  char letter;
  std::array<uint8_t, kGlyphHeight> rows;
};

constexpr Glyph kGlyphs[] = {
    {'0', {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}}, {'1', {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e}},
    {'2', {0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f}}, {'3', {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e}},
    {'4', {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}}, {'5', {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e}},
    {'6', {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}}, {'7', {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}},
    {'8', {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}}, {'9', {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c}},
    {'A', {0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11}}, {'B', {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e}},
    {'C', {0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e}}, {'D', {0x1c, 0x12, 0x11, 0x11, 0x11, 0x12, 0x1c}},
    {'E', {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f}}, {'F', {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10}},
    {'G', {0x0e, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0f}}, {'H', {0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11}},
    {'I', {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}}, {'J', {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c}},
    {'K', {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}}, {'L', {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f}},
    {'M', {0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11}}, {'N', {0x11, 0x11, 0x19, 0x15, 0x13, 0x11, 0x11}},
    {'O', {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}}, {'P', {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10}},
    {'Q', {0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d}}, {'R', {0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11}},
    {'S', {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}}, {'T', {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}},
    {'U', {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}}, {'V', {0x11, 0x11, 0x11, 0x11, 0x11, 0x0a, 0x04}},
    {'W', {0x11, 0x11, 0x11, 0x15, 0x15, 0x15, 0x0a}}, {'X', {0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11}},
    {'Y', {0x11, 0x11, 0x11, 0x0a, 0x04, 0x04, 0x04}}, {'Z', {0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f}},
    {'-', {0x00, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00}}, {'_', {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1f}},
    {'/', {0x01, 0x01, 0x02, 0x04, 0x08, 0x10, 0x10}}, {'.', {0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c}},
    {'?', {0x0e, 0x11, 0x01, 0x02, 0x04, 0x00, 0x04}}, {' ', {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
};

const Glyph& find_glyph(char letter) {
  const char wanted = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  const auto* found = std::ranges::find(kGlyphs, wanted, &Glyph::letter);
  return found == std::end(kGlyphs) ? *std::ranges::find(kGlyphs, '?', &Glyph::letter) : *found;
}

void draw_caption(std::string_view text, int64_t left, int64_t top, int64_t width, Image& sheet) {
  constexpr int64_t kAdvance = kGlyphWidth + 1;
  int64_t room = width / kAdvance;
  for (const char letter : text) {
    if ((letter & 0xc0) == 0x80) continue;  // not the first byte of a UTF-8 letter
    if (room-- == 0) return;
    const Glyph& glyph = find_glyph(letter);
    for (int64_t y = 0; y < kGlyphHeight; ++y) {
      for (int64_t x = 0; x < kGlyphWidth; ++x) {
        const bool ink = (glyph.rows[static_cast<size_t>(y)] >> (kGlyphWidth - 1 - x) & 1) != 0;
        if (ink) std::memset(sheet.row(top + y) + 3 * (left + x), kInk, 3);
      }
    }
    left += kAdvance;
  }
}

struct Size {
  int64_t height;
  int64_t width;
};

Size fitted(const Image& image, int64_t tile) {
  const int64_t side = std::max(image.height(), image.width());
  if (side <= tile) return {image.height() * (tile / side), image.width() * (tile / side)};
  return {std::max<int64_t>(1, image.height() * tile / side), std::max<int64_t>(1, image.width() * tile / side)};
}

// The mean of the pixels that a target pixel covers; at least one.
uint8_t mean_of(const Image& image, const CropWindow& window, int64_t channel) {
  int64_t sum = 0;
  for (int64_t y = window.y; y < window.y + window.height; ++y) {
    const uint8_t* pixel = image.row(y) + 3 * window.x + channel;
    for (int64_t x = 0; x < window.width; ++x) sum += pixel[3 * x];
  }
  const int64_t count = window.height * window.width;
  return static_cast<uint8_t>((sum + count / 2) / count);
}

void draw_picture(const Image& image, int64_t left, int64_t top, int64_t tile, Image& sheet) {
  const Size size = fitted(image, tile);
  left += (tile - size.width) / 2;
  top += (tile - size.height) / 2;
  for (int64_t y = 0; y < size.height; ++y) {
    for (int64_t x = 0; x < size.width; ++x) {
      CropWindow covered{y * image.height() / size.height, x * image.width() / size.width, 1, 1};
      covered.height = std::max<int64_t>(1, (y + 1) * image.height() / size.height - covered.y);
      covered.width = std::max<int64_t>(1, (x + 1) * image.width() / size.width - covered.x);
      for (int64_t c = 0; c < 3; ++c) sheet.row(top + y)[3 * (left + x) + c] = mean_of(image, covered, c);
    }
  }
}

}  // namespace

Image picture_sheet(std::span<const SheetPicture> pictures, const SheetLayout& layout) {
  if (pictures.empty()) fail("no pictures for a sheet");
  if (layout.columns < 1 || layout.tile < 1) {
    fail("a sheet of {} columns of {} pixels; expected at least 1 of each", layout.columns, layout.tile);
  }
  const auto count = static_cast<int64_t>(pictures.size());
  const int64_t columns = std::min(layout.columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t across = layout.tile + kGap;
  const int64_t down = layout.tile + kCaptionHeight + kGap;
  Image sheet;
  sheet.reshape(rows * down + kGap, columns * across + kGap, 3);
  std::memset(sheet.pixels(), kPaper, static_cast<size_t>(sheet.bytes()));
  for (int64_t i = 0; i < count; ++i) {
    const SheetPicture& picture = pictures[static_cast<size_t>(i)];
    const int64_t left = kGap + i % columns * across;
    const int64_t top = kGap + i / columns * down;
    draw_picture(*picture.image, left, top, layout.tile, sheet);
    draw_caption(picture.caption, left, top + layout.tile + 2, layout.tile, sheet);
  }
  return sheet;
}

}  // namespace netwright
