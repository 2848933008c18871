// libspng behind ImageDecoder.
#pragma once

#include <string_view>

#include "data/decode.h"

namespace netwright {

ImageHeader read_png_header(std::string_view bytes);

// The whole picture in eight bits: 16-bit samples lose their low byte, smaller ones are scaled, alpha is dropped.
void decode_png(std::string_view bytes, const DecodeOptions& options, Image& image);

}  // namespace netwright
