// JPEG files of every kind that libjpeg can write, for tests of what reads them.
#pragma once

#include <string>

#include "data/image.h"

namespace netwright::test {

enum class JpegColor { kGrey, kRgb, kYcc, kCmyk, kYcck };

struct JpegKind {
  JpegColor color = JpegColor::kYcc;
  int horizontal = 1;  // samples of brightness (of black and red in YCCK) to one of colour, along x and y
  int vertical = 1;
  bool progressive = false;
  bool arithmetic = false;
  int restart_rows = 0;  // a restart marker after so many rows of blocks
  bool adobe = true;     // the marker that tells inverted CMYK and YCCK
  int quality = 90;
};

// `pixels`: height x width with as many channels as the colour has, packed.
std::string make_jpeg(const JpegKind& kind, int64_t height, int64_t width, const std::string& pixels);

int channels_of(JpegColor color);

}  // namespace netwright::test
