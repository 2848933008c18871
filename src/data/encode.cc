#include "data/encode.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <jpeglib.h>
#include <spng.h>

#include "core/error.h"

namespace netwright {
namespace {

void check_encodable(const Image& image) {
  if (image.height() <= 0 || image.width() <= 0 || (image.channels() != 1 && image.channels() != 3)) {
    fail("an image of shape [{}, {}, {}] can't be encoded; expected 1 or 3 channels and at least one pixel",
         image.height(), image.width(), image.channels());
  }
}

struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void on_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Writes into memory that libjpeg allocates; false when it refuses.
bool compress(const Image& image, const JpegEncodeOptions& options, JpegErrors& errors, unsigned char** bytes,
              unsigned long* size) {
  jpeg_compress_struct info;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = on_error;
  jpeg_create_compress(&info);
  if (setjmp(errors.jump) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = static_cast<JDIMENSION>(image.width());
  info.image_height = static_cast<JDIMENSION>(image.height());
  info.input_components = static_cast<int>(image.channels());
  info.in_color_space = image.channels() == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, options.quality, TRUE);
  if (!options.subsampling) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  for (int64_t y = 0; y < image.height(); ++y) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(y));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

std::string encode_jpeg(const Image& image, const JpegEncodeOptions& options) {
  check_encodable(image);
  if (options.quality < 1 || options.quality > 100) fail("JPEG quality {} is not within 1..100", options.quality);
  JpegErrors errors;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool done = compress(image, options, errors, &bytes, &size);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(bytes, &std::free);
  if (!done) fail("can't write a JPEG: {}", errors.message);
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

std::string encode_png(const Image& image) {
  check_encodable(image);
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER), &spng_ctx_free);
  if (!context) fail("no memory to write a PNG");
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(image.width());
  header.height = static_cast<uint32_t>(image.height());
  header.bit_depth = 8;
  header.color_type = image.channels() == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR;
  spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  int code = spng_set_ihdr(context.get(), &header);
  if (code == 0) {
    code = spng_encode_image(context.get(), image.pixels(), static_cast<size_t>(image.bytes()), SPNG_FMT_PNG,
                             SPNG_ENCODE_FINALIZE);
  }
  if (code != 0) fail("can't write a PNG: {}", spng_strerror(code));
  size_t size = 0;
  const std::unique_ptr<void, decltype(&std::free)> bytes(spng_get_png_buffer(context.get(), &size, &code), &std::free);
  if (!bytes) fail("can't write a PNG: {}", spng_strerror(code));
  return std::string(static_cast<const char*>(bytes.get()), size);
}

}  // namespace netwright
