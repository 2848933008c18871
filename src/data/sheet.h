// Many pictures on one: for a look at what is in a data set or a batch.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/image.h"

namespace netwright {

struct SheetPicture {
  const Image* image = nullptr;  // RGB
  std::string caption;           // capitals, digits and a few marks are drawn; what doesn't fit is cut off
};

struct SheetLayout {
  int64_t columns = 8;
  int64_t tile = 128;  // pixels a side; a picture is fitted in, shrunk by averaging or enlarged a whole number of times
};

// Row by row on white, each picture above its caption. Throws Error for no picture, or a layout with nothing in it.
Image picture_sheet(std::span<const SheetPicture> pictures, const SheetLayout& layout = {});

}  // namespace netwright
