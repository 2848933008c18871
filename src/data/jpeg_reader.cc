#include "data/jpeg_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <jerror.h>

#include "core/error.h"

namespace netwright {
namespace {

// More scans than any encoder writes: a file made to keep a decoder busy.
constexpr int kMaxScans = 500;

// Rows begin so many bytes beyond a multiple of the unit: one that begins at a multiple of 32 is written by
// libjpeg-turbo's vector code past the cache, and would have to come back from memory.
constexpr int64_t kRowUnit = 64;
constexpr int64_t kRowOffset = 8;

constexpr int64_t kRowsAtOnce = 16;

// Warnings after which pixels are made up. The others (stray bytes between segments, odd Adobe or JFIF markers) leave
// the picture whole.
constexpr int kDamage[] = {JWRN_HIT_MARKER, JWRN_JPEG_EOF, JWRN_HUFF_BAD_CODE, JWRN_MUST_RESYNC,
                           JWRN_BOGUS_PROGRESSION};

// A block is 64 pixels and takes at least one bit of Huffman codes, also where its components are sampled unevenly.
constexpr uint64_t kMostPixelsPerByte = 1024;

// As TensorFlow: Adobe's files hold inverted values.
void cmyk_to_rgb(const uint8_t* source, int64_t width, bool inverted, uint8_t* target) {
  for (int64_t i = 0; i < width; ++i, source += 4, target += 3) {
    const int key = inverted ? source[3] : 255 - source[3];
    for (int c = 0; c < 3; ++c) {
      target[c] = static_cast<uint8_t>(key * (inverted ? source[c] : 255 - source[c]) / 255);
    }
  }
}

}  // namespace

JpegReader::JpegReader() {
  info_.err = jpeg_std_error(&errors_);
  errors_.error_exit = on_error;
  errors_.emit_message = on_message;
  info_.client_data = this;
  if (setjmp(jump_) != 0) throw_error();
  jpeg_create_decompress(&info_);
  progress_.progress_monitor = on_progress;
  info_.progress = &progress_;
}

JpegReader::~JpegReader() { jpeg_destroy_decompress(&info_); }

void JpegReader::on_error(j_common_ptr info) {
  auto* reader = static_cast<JpegReader*>(info->client_data);
  info->err->format_message(info, reader->message_);
  std::longjmp(reader->jump_, 1);
}

void JpegReader::on_message(j_common_ptr info, int level) {
  if (level < 0 && std::ranges::find(kDamage, info->err->msg_code) != std::end(kDamage)) on_error(info);
}

void JpegReader::on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* reader = static_cast<JpegReader*>(info->client_data);
  std::strcpy(reader->message_, "more than 500 scans");
  std::longjmp(reader->jump_, 1);
}

void JpegReader::throw_error() {
  jpeg_abort_decompress(&info_);
  fail("damaged JPEG: {}", message_);
}

ImageHeader JpegReader::open(std::string_view bytes) {
  jpeg_abort_decompress(&info_);
  if (setjmp(jump_) != 0) throw_error();
  jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info_, TRUE);
  // A window's decoding ends before the end of the file and would not see that the rest is missing.
  if (bytes.substr(bytes.size() - info_.src->bytes_in_buffer).rfind("\xff\xd9") == std::string_view::npos) {
    std::strcpy(message_, "cut short (no end-of-image marker)");
    throw_error();
  }
  // Memory for pixels that can't be there is not taken.
  const uint64_t pixels = uint64_t{info_.image_width} * info_.image_height;
  if (pixels / kMostPixelsPerByte > bytes.size()) {
    fail("damaged JPEG: {} x {} pixels can't be in {} bytes", info_.image_width, info_.image_height, bytes.size());
  }
  return {ImageKind::kJpeg, info_.image_width, info_.image_height, info_.num_components};
}

void JpegReader::start(const DecodeOptions& options) {
  const int channels = options.channels != 0 ? options.channels : (info_.num_components == 1 ? 1 : 3);
  const bool cmyk = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
  info_.out_color_space = cmyk ? JCS_CMYK : (channels == 1 ? JCS_GRAYSCALE : JCS_RGB);
  info_.dct_method = options.dct == JpegDct::kFast ? JDCT_IFAST : JDCT_ISLOW;
  info_.do_fancy_upsampling = options.fancy_upsampling ? TRUE : FALSE;
  info_.scale_num = 1;
  info_.scale_denom = static_cast<unsigned>(options.ratio);
  jpeg_start_decompress(&info_);
}

ImageView JpegReader::decode(const CropWindow* window, const DecodeOptions& options) {
  if (options.channels == 1 && info_.num_components == 4) fail("a CMYK JPEG can't be decoded as grey");
  if (setjmp(jump_) != 0) throw_error();
  start(options);
  const CropWindow whole{0, 0, info_.output_height, info_.output_width};
  const ImageView view = read_rows(window != nullptr ? *window : whole);
  if (window == nullptr) jpeg_finish_decompress(&info_);
  jpeg_abort_decompress(&info_);
  return view;
}

// Called inside decode's setjmp: nothing here owns memory of its own.
ImageView JpegReader::read_rows(const CropWindow& window) {
  auto begin = static_cast<JDIMENSION>(window.x);
  auto width = static_cast<JDIMENSION>(window.width);
  // The columns are widened to whole blocks on the left; rows above are decoded as far as entropy, no further.
  if (width < info_.output_width) jpeg_crop_scanline(&info_, &begin, &width);
  if (window.y > 0) jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(window.y));
  const bool cmyk = info_.out_color_space == JCS_CMYK;
  const int64_t channels = cmyk ? 3 : info_.output_components;
  const int64_t stride = (int64_t{width} * channels + kRowUnit - 1) / kRowUnit * kRowUnit;
  const size_t bytes = static_cast<size_t>(window.height * stride + kRowUnit);
  if (pixels_.size() < bytes) pixels_.resize(bytes);
  uint8_t* rows = pixels_.data() + kRowOffset;
  cmyk ? read_cmyk_rows(window.height, rows, stride) : read_packed_rows(window.height, rows, stride);
  return {rows + (window.x - begin) * channels, window.height, window.width, channels, stride};
}

void JpegReader::read_packed_rows(int64_t height, uint8_t* target, int64_t stride) {
  std::array<JSAMPROW, kRowsAtOnce> rows;
  for (int64_t y = 0; y < height;) {
    const int64_t count = std::min<int64_t>(kRowsAtOnce, height - y);
    for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = target + (y + i) * stride;
    y += jpeg_read_scanlines(&info_, rows.data(), static_cast<JDIMENSION>(count));
  }
}

void JpegReader::read_cmyk_rows(int64_t height, uint8_t* target, int64_t stride) {
  const size_t bytes = size_t{info_.output_width} * 4;
  if (cmyk_row_.size() < bytes) cmyk_row_.resize(bytes);
  JSAMPROW row = cmyk_row_.data();
  for (int64_t y = 0; y < height; ++y) {
    jpeg_read_scanlines(&info_, &row, 1);
    cmyk_to_rgb(row, info_.output_width, info_.saw_Adobe_marker != FALSE, target + y * stride);
  }
}

}  // namespace netwright
