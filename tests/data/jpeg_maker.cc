#include "data/jpeg_maker.h"

#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

namespace netwright::test {
namespace {

struct ColorRow {
  JpegColor color;
  int channels;
  J_COLOR_SPACE given;
  J_COLOR_SPACE written;
};

constexpr ColorRow kColors[] = {
    {JpegColor::kGrey, 1, JCS_GRAYSCALE, JCS_GRAYSCALE},
    {JpegColor::kRgb, 3, JCS_RGB, JCS_RGB},
    {JpegColor::kYcc, 3, JCS_RGB, JCS_YCbCr},
    {JpegColor::kCmyk, 4, JCS_CMYK, JCS_CMYK},
    {JpegColor::kYcck, 4, JCS_CMYK, JCS_YCCK},
};

const ColorRow& row_of(JpegColor color) { return kColors[static_cast<size_t>(color)]; }

}  // namespace

int channels_of(JpegColor color) { return row_of(color).channels; }

std::string make_jpeg(const JpegKind& kind, int64_t height, int64_t width, const std::string& pixels) {
  const ColorRow& color = row_of(kind.color);
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = color.channels;
  info.in_color_space = color.given;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, color.written);
  jpeg_set_quality(&info, kind.quality, TRUE);
  for (int i = 0; i < info.num_components; ++i) {
    const bool fine = i == 0 || i == 3;
    info.comp_info[i].h_samp_factor = fine ? kind.horizontal : 1;
    info.comp_info[i].v_samp_factor = fine ? kind.vertical : 1;
  }
  info.arith_code = kind.arithmetic ? TRUE : FALSE;
  info.restart_in_rows = kind.restart_rows;
  if (!kind.adobe) info.write_Adobe_marker = FALSE;
  if (kind.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  for (int64_t y = 0; y < height; ++y) {
    auto* row = reinterpret_cast<JSAMPROW>(const_cast<char*>(pixels.data() + y * width * color.channels));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string result(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return result;
}

}  // namespace netwright::test
