// Pictures: JPEG whole, scaled and in part, PNG. Options come from the last bytes of the input, which lie behind the
// end of a well-formed picture.
#include <array>

#include "data/decode.h"
#include "fuzz/mend.h"
#include "fuzz/target.h"

namespace netwright::fuzz {
namespace {

// One of the last four bytes of the input.
unsigned option(std::string_view bytes, size_t index) {
  return index < bytes.size() ? static_cast<unsigned char>(bytes[bytes.size() - 1 - index]) : 0;
}

DecodeOptions options_from(std::string_view bytes) {
  constexpr std::array<int, 4> kChannels = {3, 0, 1, 3};
  const unsigned choice = option(bytes, 0);
  DecodeOptions options;
  options.channels = kChannels[choice & 3];
  options.dct = (choice & 4) != 0 ? JpegDct::kAccurate : JpegDct::kFast;
  options.fancy_upsampling = (choice & 8) == 0;
  return options;
}

CropWindow window_from(std::string_view bytes, const ImageHeader& header) {
  CropWindow window;
  window.x = option(bytes, 1) * header.width / 256;
  window.y = option(bytes, 2) * header.height / 256;
  window.width = 1 + option(bytes, 3) * (header.width - window.x - 1) / 256;
  window.height = 1 + option(bytes, 0) * (header.height - window.y - 1) / 256;
  return window;
}

// Touches every pixel.
void read_pixels(const Image& image, int64_t height, int64_t width) {
  require(image.height() == height && image.width() == width, "a picture has the size that was asked for");
  unsigned sum = 0;
  for (int64_t i = 0; i < image.bytes(); ++i) sum += image.pixels()[i];
  volatile const unsigned kept = sum;
  static_cast<void>(kept);
}

void decode_whole(std::string_view bytes, int ratio) {
  attempt([&] {
    ImageDecoder decoder;
    const ImageHeader header = decoder.open(bytes);
    DecodeOptions options = options_from(bytes);
    options.ratio = header.kind == ImageKind::kJpeg ? ratio : 1;
    Image image;
    decoder.decode(options, image);
    const int64_t step = options.ratio;
    read_pixels(image, (header.height + step - 1) / step, (header.width + step - 1) / step);
  });
}

void decode_part(std::string_view bytes) {
  attempt([&] {
    ImageDecoder decoder;
    const CropWindow window = window_from(bytes, decoder.open(bytes));
    Image image;
    decoder.decode_window(window, options_from(bytes), image);
    read_pixels(image, window.height, window.width);
  });
}

void fuzz_jpeg(std::string_view bytes) { decode_whole(bytes, 1); }
void fuzz_jpeg_scaled(std::string_view bytes) { decode_whole(bytes, 2 << (option(bytes, 1) % 3)); }
void fuzz_jpeg_window(std::string_view bytes) { decode_part(bytes); }

void fuzz_png(std::string_view bytes) {
  std::string mended(bytes);
  mend_png(mended);
  decode_whole(mended, 1);
  decode_part(mended);
}

constexpr std::array<Target, 4> kTargets = {{{"jpeg", fuzz_jpeg, 4096},
                                             {"jpeg_scaled", fuzz_jpeg_scaled, 4096},
                                             {"jpeg_window", fuzz_jpeg_window, 4096},
                                             {"png", fuzz_png, 4096}}};

}  // namespace

std::span<const Target> image_targets() { return kTargets; }

}  // namespace netwright::fuzz
