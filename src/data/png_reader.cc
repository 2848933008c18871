#include "data/png_reader.h"

#include <algorithm>
#include <array>
#include <memory>

#include <spng.h>

#include "core/error.h"

namespace netwright {
namespace {

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

constexpr size_t kMaxChunkBytes = size_t{64} << 20;

void check(int code) {
  if (code != 0) fail("damaged PNG: {}", spng_strerror(code));
}

// Deflate makes at most 1032 bytes of one; whoever claims more would have us take memory for pixels that aren't there.
void check_size(const spng_ihdr& header, size_t bytes) {
  constexpr std::array<uint64_t, 7> kSamples = {1, 0, 3, 1, 2, 0, 4};  // by colour type
  constexpr uint64_t kMostInflated = 1032;
  const uint64_t row_bits = kSamples[header.color_type] * header.bit_depth * header.width;
  // Of a row, interlaced or not: the filter's byte, and one at least of pixels.
  const uint64_t row_bytes = 1 + std::max<uint64_t>(row_bits / 8, 1);
  if (row_bytes > bytes * kMostInflated / header.height) {
    fail("damaged PNG: {} x {} pixels can't be in {} bytes", header.width, header.height, bytes);
  }
}

Context open(std::string_view bytes, spng_ihdr& header) {
  Context context(spng_ctx_new(0));
  if (!context) fail("no memory to decode a PNG");
  check(spng_set_chunk_limits(context.get(), kMaxChunkBytes, kMaxChunkBytes));
  check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()));
  check(spng_get_ihdr(context.get(), &header));
  check_size(header, bytes.size());
  return context;
}

bool is_grey(const spng_ihdr& header) {
  return header.color_type == SPNG_COLOR_TYPE_GRAYSCALE || header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
}

}  // namespace

ImageHeader read_png_header(std::string_view bytes) {
  spng_ihdr header;
  open(bytes, header);
  const bool alpha =
      header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA || header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  return {ImageKind::kPng, header.width, header.height, (is_grey(header) ? 1 : 3) + (alpha ? 1 : 0)};
}

void decode_png(std::string_view bytes, const DecodeOptions& options, Image& image) {
  spng_ihdr header;
  const Context context = open(bytes, header);
  const bool grey = is_grey(header);
  if (options.channels == 1 && !grey) fail("a PNG in colour can't be decoded as grey");
  image.reshape(header.height, header.width, 3);
  check(spng_decode_image(context.get(), image.pixels(), static_cast<size_t>(image.bytes()), SPNG_FMT_RGB8, 0));
  check(spng_decode_chunks(context.get()));  // to the end of the file: a cut one is refused
  if (!grey || options.channels == 3) return;
  uint8_t* pixels = image.pixels();
  const int64_t count = image.height() * image.width();
  for (int64_t i = 0; i < count; ++i) pixels[i] = pixels[3 * i];
  image.reshape(header.height, header.width, 1);
}

}  // namespace netwright
