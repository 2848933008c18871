#include "data/decode.h"

#include <string>

#include "core/error.h"
#include "data/jpeg_reader.h"
#include "data/png_reader.h"

namespace netwright {
namespace {

constexpr int64_t kMaxPixels = int64_t{1} << 27;

struct Signature {
  std::string_view bytes;
  std::string_view name;
};

// What turns up in folders of images besides JPEG and PNG.
constexpr Signature kForeign[] = {
    {"GIF8", "a GIF"},   {"RIFF", "a WebP"}, {"BM", "a BMP"},      {"II*", "a TIFF"},
    {"MM\0*", "a TIFF"}, {"<", "text"},      {"\x1f\x8b", "gzip"}, {"%PDF", "a PDF"},
};

[[noreturn]] void refuse(std::string_view bytes) {
  if (bytes.empty()) fail("no image bytes at all; expected JPEG or PNG");
  for (const Signature& foreign : kForeign) {
    if (bytes.starts_with(foreign.bytes)) fail("neither JPEG nor PNG: it looks like {}", foreign.name);
  }
  std::string shown;
  for (const char byte : bytes.substr(0, 4)) shown += fmt::format(" {:02x}", static_cast<unsigned char>(byte));
  fail("neither JPEG nor PNG: it begins with{}", shown);
}

bool looks_like_jpeg(std::string_view bytes) { return bytes.starts_with("\xff\xd8\xff"); }
bool looks_like_png(std::string_view bytes) { return bytes.starts_with("\x89PNG\r\n\x1a\n"); }

void check_size(const ImageHeader& header) {
  if (header.width * header.height > kMaxPixels) {
    fail("the image is {} x {} pixels; at most {} pixels are taken", header.width, header.height, kMaxPixels);
  }
}

void check_window(const CropWindow& window, const ImageHeader& header) {
  const bool inside = window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0 &&
                      window.x <= header.width - window.width && window.y <= header.height - window.height;
  if (!inside) {
    fail("crop window {} x {} at ({}, {}) is not inside the image of {} x {}", window.width, window.height, window.x,
         window.y, header.width, header.height);
  }
}

void check_options(const DecodeOptions& options) {
  if (options.channels != 0 && options.channels != 1 && options.channels != 3) {
    fail("an image can be decoded to 1 or 3 channels, not {}", options.channels);
  }
  if (options.ratio != 1 && options.ratio != 2 && options.ratio != 4 && options.ratio != 8) {
    fail("a JPEG can be made 1, 2, 4 or 8 times smaller while decoding, not {}", options.ratio);
  }
}

}  // namespace

std::string_view image_kind_name(ImageKind kind) { return kind == ImageKind::kJpeg ? "JPEG" : "PNG"; }

ImageHeader read_image_header(std::string_view bytes) { return ImageDecoder().open(bytes); }

ImageDecoder::ImageDecoder() : jpeg_(std::make_unique<JpegReader>()) {}
ImageDecoder::~ImageDecoder() = default;

const ImageHeader& ImageDecoder::open(std::string_view bytes) {
  if (looks_like_jpeg(bytes)) {
    header_ = jpeg_->open(bytes);
  } else if (looks_like_png(bytes)) {
    header_ = read_png_header(bytes);
  } else {
    refuse(bytes);
  }
  check_size(header_);
  bytes_ = bytes;
  return header_;
}

ImageView ImageDecoder::view(const CropWindow* window, const DecodeOptions& options) {
  check_options(options);
  if (header_.kind == ImageKind::kJpeg) return jpeg_->decode(window, options);
  decode_png(bytes_, options, whole_);
  return view_of(whole_, window != nullptr ? *window : CropWindow{0, 0, whole_.height(), whole_.width()});
}

ImageView ImageDecoder::view_window(const CropWindow& window, const DecodeOptions& options) {
  check_window(window, header_);
  if (options.ratio != 1) fail("a window can't be decoded at a smaller scale");
  const bool whole = window == CropWindow{0, 0, header_.height, header_.width};
  return view(whole ? nullptr : &window, options);
}

void ImageDecoder::decode(const DecodeOptions& options, Image& image) { copy_image(view(nullptr, options), image); }

void ImageDecoder::decode_window(const CropWindow& window, const DecodeOptions& options, Image& image) {
  copy_image(view_window(window, options), image);
}

Image decode_image(std::string_view bytes, const DecodeOptions& options) {
  ImageDecoder decoder;
  decoder.open(bytes);
  Image image;
  decoder.decode(options, image);
  return image;
}

}  // namespace netwright
