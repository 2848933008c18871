// libjpeg-turbo behind ImageDecoder: its long jumps end here and become Error.
#pragma once

#include <csetjmp>
#include <cstdio>
#include <string_view>
#include <vector>

#include <jpeglib.h>

#include "data/decode.h"

namespace netwright {

// Reused from picture to picture.
class JpegReader {
 public:
  JpegReader();
  ~JpegReader();
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  ImageHeader open(std::string_view bytes);
  // `window` null: the whole picture. The result's pixels are this reader's, until it opens or decodes again.
  ImageView decode(const CropWindow* window, const DecodeOptions& options);

 private:
  void start(const DecodeOptions& options);
  ImageView read_rows(const CropWindow& window);
  void read_packed_rows(int64_t height, uint8_t* target, int64_t stride);
  void read_cmyk_rows(int64_t height, uint8_t* target, int64_t stride);
  [[noreturn]] void throw_error();

  static void on_error(j_common_ptr info);
  static void on_message(j_common_ptr info, int level);
  static void on_progress(j_common_ptr info);

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
  std::vector<uint8_t> pixels_;
  std::vector<uint8_t> cmyk_row_;
};

}  // namespace netwright
