// Pictures into files: for converters, sheets and tests.
#pragma once

#include <string>

#include "data/image.h"

namespace netwright {

// Eight bits a channel, grey or RGB; without loss.
std::string encode_png(const Image& image);

struct JpegEncodeOptions {
  int quality = 95;         // 1..100
  bool subsampling = true;  // 4:2:0 for RGB
  bool progressive = false;
};

std::string encode_jpeg(const Image& image, const JpegEncodeOptions& options = {});

}  // namespace netwright
