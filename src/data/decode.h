// JPEG and PNG, recognised by content, decoded as TensorFlow 1.15's decode_jpeg, decode_and_crop_jpeg and decode_png
// do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/image.h"

namespace netwright {

enum class ImageKind { kJpeg, kPng };

// What a file says about itself before its pixels are decoded.
struct ImageHeader {
  ImageKind kind = ImageKind::kJpeg;
  int64_t width = 0;
  int64_t height = 0;
  int64_t channels = 0;  // in the file: 1 grey, 3 RGB or YCbCr, 4 CMYK; PNG: a palette counts 3, alpha 1 more

  bool operator==(const ImageHeader&) const = default;
};

enum class JpegDct { kFast, kAccurate };  // libjpeg's fast and accurate integer transforms

// The defaults are TensorFlow's. For a PNG only `channels` means something.
struct DecodeOptions {
  int channels = 3;  // of the result: 3, 1, or 0 for grey where the file is grey and RGB elsewhere
  JpegDct dct = JpegDct::kFast;
  bool fancy_upsampling = true;
  int ratio = 1;  // 1, 2, 4 or 8: a picture this many times smaller, scaled in the transform; not with a window
};

// "JPEG", "PNG".
std::string_view image_kind_name(ImageKind kind);

// Throws Error when the bytes are neither JPEG nor PNG (it says what they look like), or their header is damaged.
ImageHeader read_image_header(std::string_view bytes);

// Decodes one picture after another and keeps its buffers; one a thread.
//
// Errors, one line each: neither JPEG nor PNG; damaged or cut short, with the reason (a warning of libjpeg after which
// pixels are made up counts as damage, a few stray bytes between segments don't); more than 2^27 pixels; a window that
// isn't inside the picture.
class ImageDecoder {
 public:
  ImageDecoder();
  ~ImageDecoder();
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;

  // Reads the header; `bytes` must live until the decoding is done.
  const ImageHeader& open(std::string_view bytes);

  // The whole picture that was opened. Once for each open.
  void decode(const DecodeOptions& options, Image& image);

  // Only the window. JPEG: only the blocks that it touches are transformed, and what lies below is not read at all, so
  // damage there may go unseen (a cut file does not). Not always a slice of the whole picture: with subsampled chroma
  // the last column's upsampling has no neighbour, unless it is the picture's last one. TensorFlow's is the same.
  void decode_window(const CropWindow& window, const DecodeOptions& options, Image& image);

  // The same without a copy: the pixels stay where they were decoded, until the next call of this decoder.
  ImageView view_window(const CropWindow& window, const DecodeOptions& options);

 private:
  ImageView view(const CropWindow* window, const DecodeOptions& options);

  ImageHeader header_;
  std::string_view bytes_;
  std::unique_ptr<class JpegReader> jpeg_;
  Image whole_;
};

// For what is decoded once.
Image decode_image(std::string_view bytes, const DecodeOptions& options = {});

}  // namespace netwright
