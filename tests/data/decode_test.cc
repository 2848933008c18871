// Decoding against TensorFlow 1.15, and what is refused.
#include "data/decode.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "data/encode.h"
#include "data/jpeg_maker.h"
#include "formats/safetensors.h"
#include "formats/support.h"
#include "support/golden.h"

namespace netwright {
namespace {

using nlohmann::json;
using test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(const Image& image) {
  return {reinterpret_cast<const char*>(image.pixels()), static_cast<size_t>(image.bytes())};
}

// The arguments that a golden case's "call" names.
DecodeOptions options_of(const std::string& call) {
  DecodeOptions options;
  if (const size_t at = call.find("channels="); at != std::string::npos) options.channels = call[at + 9] - '0';
  if (call.find("INTEGER_ACCURATE") != std::string::npos) options.dct = JpegDct::kAccurate;
  if (call.find("fancy_upscaling=False") != std::string::npos) options.fancy_upsampling = false;
  if (call.find("ratio=2") != std::string::npos) options.ratio = 2;
  return options;
}

Image noise(int64_t height, int64_t width, int64_t channels) {
  Image image;
  image.reshape(height, width, channels);
  uint32_t state = 1;
  for (int64_t i = 0; i < image.bytes(); ++i) {
    state = state * 1664525U + 1013904223U;
    image.pixels()[i] = static_cast<uint8_t>(state >> 24);
  }
  return image;
}

TEST(Decode, EqualsTensorFlowBitForBit) {
  NETWRIGHT_NEEDS_GOLDEN("augmentation");
  const json index = json::parse(read_file(golden + "/decode.json"));
  const SafetensorsReader tensors(golden + "/decode.safetensors");
  ImageDecoder decoder;
  Image image;
  int compared = 0;
  for (const json& one : index["cases"]) {
    SCOPED_TRACE(one["key"]);
    const std::string bytes = read_file(golden + "/jpeg/" + one["file"].get<std::string>());
    const ImageHeader header = decoder.open(bytes);
    if (one.contains("error")) {
      const CropWindow beyond{0, 0, header.height + 1, header.width};
      EXPECT_THAT(error_of([&] { decoder.decode_window(beyond, {}, image); }), HasSubstr("is not inside the image of"));
      continue;
    }
    if (one.contains("header_shape")) {
      EXPECT_EQ(one["header_shape"], json({header.height, header.width, header.channels}));
    }
    const DecodeOptions options = options_of(one["call"]);
    if (one.contains("window")) {
      const json& window = one["window"];
      decoder.decode_window({window[0], window[1], window[2], window[3]}, options, image);
    } else {
      decoder.decode(options, image);
    }
    EXPECT_EQ(one["shape"], json({image.height(), image.width(), image.channels()}));
    EXPECT_TRUE(text_of(image) == tensors.read_raw(one["key"].get<std::string>()));
    ++compared;
  }
  EXPECT_GE(compared, 50);
}

TEST(Decode, PngRoundTrip) {
  for (const int64_t channels : {1, 3}) {
    const Image image = noise(7, 13, channels);
    const std::string bytes = encode_png(image);
    EXPECT_EQ(read_image_header(bytes), (ImageHeader{ImageKind::kPng, 13, 7, channels}));
    const Image back = decode_image(bytes, {.channels = 0});
    EXPECT_EQ(text_of(back), text_of(image));
    const Image rgb = decode_image(bytes);
    EXPECT_EQ(rgb.channels(), 3);
    EXPECT_EQ(rgb.row(3)[2 * 3 + 1], image.row(3)[2 * channels + (channels == 3 ? 1 : 0)]);
    Image window;
    ImageDecoder decoder;
    decoder.open(bytes);
    decoder.decode_window({2, 3, 4, 5}, {}, window);
    EXPECT_EQ(window.row(1)[0], rgb.row(3)[9]);
  }
}

// Two pixels each, and what TensorFlow's decode_png gives for three channels.
TEST(Decode, PngOfEveryKindEqualsTensorFlow) {
  struct Case {
    const char* name;
    int64_t channels;
    const char* hex;
    std::vector<int> pixels;
  };
  const Case cases[] = {
      {"16-bit RGB",
       3,
       "89504e470d0a1a0a0000000d49484452000000020000000110020000002bd0349e0000001549444154789c6360f8cfd850ffbf81e17ffd"
       "ffff0025f306fb97ed9ba60000000049454e44ae426082",
       {0, 1, 127, 128, 255, 255}},
      {"16-bit grey",
       1,
       "89504e470d0a1a0a0000000d494844520000000200000001100000000081d9fc150000000d49444154789c6310faff9f010005480211c3"
       "d3abf70000000049454e44ae426082",
       {18, 18, 18, 255, 255, 255}},
      {"2-bit grey",
       1,
       "89504e470d0a1a0a0000000d494844520000000200000001020000000"
       "09bf938f70000000a49444154789c6348000000620061b19879f20000000049454e44ae426082",
       {85, 85, 85, 170, 170, 170}},
      {"palette",
       3,
       "89504e470d0a1a0a0000000d4948445200000002000000010403000000060c62b900000006504c5445010203c8643250b4ae3f0000000a"
       "49444154789c6310000000120011a556c74e0000000049454e44ae426082",
       {200, 100, 50, 1, 2, 3}},
      {"RGB and alpha",
       4,
       "89504e470d0a1a0a0000000d4948445200000002000000010806000000f4227f8a0000001149444154789c63e0e46067f8f5e159030009"
       "b703698f9bf60c0000000049454e44ae426082",
       {9, 8, 7, 250, 240, 230}},
      {"16-bit grey and alpha",
       2,
       "89504e470d0a1a0a0000000d49484452000000020000000110040000000ebb6b42000000114944415478da6310326160f877a7810100099"
       "1"
       "02a1e222eff90000000049454e44ae426082",
       {18, 18, 18, 254, 254, 254}},
      {"16-bit, interlaced",
       3,
       "89504e470d0a1a0a0000000d49484452000000020000000110020000015cd70408000000164944415478da636064aaffffff1f43c3ffff0"
       "c"
       "0cff012d7b06fc4e4e802a0000000049454e44ae426082",
       {1, 127, 255, 128, 255, 0}},
      {"palette with transparency",
       3,
       "89504e470d0a1a0a0000000d49484452000000020000000108030000"
       "00c3fc8fb800000006504c5445010203c8643250b4ae3f0000000274524e5300809b2b4e180000000b4944415478da6360640000000500"
       "0242c2449f0000000049454e44ae426082",
       {200, 100, 50, 1, 2, 3}},
      {"grey and alpha",
       2,
       "89504e470d0a1a0a0000000d49484452000000020000000108040000005e2bb7010000000d49444154789c63f06538f11f0003c80215b0"
       "18b1510000000049454e44ae426082",
       {77, 77, 77, 200, 200, 200}},
  };
  for (const Case& one : cases) {
    const std::string bytes = test::from_hex(one.hex);
    EXPECT_EQ(read_image_header(bytes).channels, one.channels) << one.name;
    const Image image = decode_image(bytes);
    EXPECT_EQ(std::vector<int>(image.pixels(), image.pixels() + image.bytes()), one.pixels) << one.name;
  }
}

// Two halves of one colour each, and what TensorFlow's decode_jpeg gives for three channels.
TEST(Decode, JpegOfEveryColorEqualsTensorFlow) {
  struct Case {
    const char* name;
    test::JpegKind kind;
    int64_t channels;
    std::vector<int> pixels;
  };
  using test::JpegColor;
  const Case cases[] = {
      {"CMYK", {.color = JpegColor::kCmyk, .quality = 100}, 4, {141, 70, 35, 20, 240, 130}},
      {"CMYK not from Adobe", {.color = JpegColor::kCmyk, .adobe = false, .quality = 100}, 4, {16, 45, 60, 0, 0, 0}},
      {"YCCK", {.color = JpegColor::kYcck, .quality = 100}, 4, {141, 70, 35, 20, 240, 130}},
      {"YCCK, subsampled",
       {.color = JpegColor::kYcck, .horizontal = 2, .vertical = 2, .quality = 100},
       4,
       {148, 67, 35, 12, 244, 132}},
      {"grey", {.color = JpegColor::kGrey, .quality = 100}, 1, {200, 200, 200, 20, 20, 20}},
      {"RGB", {.color = JpegColor::kRgb, .quality = 100}, 3, {200, 100, 50, 20, 240, 130}},
  };
  constexpr std::array<std::array<int, 4>, 2> kHalves = {{{200, 100, 50, 180}, {20, 240, 130, 255}}};
  for (const Case& one : cases) {
    std::string given;
    for (size_t i = 0; i < 256; ++i) {
      for (int c = 0; c < test::channels_of(one.kind.color); ++c) {
        given.push_back(static_cast<char>(kHalves[i % 16 / 8][static_cast<size_t>(c)]));
      }
    }
    const std::string bytes = test::make_jpeg(one.kind, 16, 16, given);
    EXPECT_EQ(read_image_header(bytes), (ImageHeader{ImageKind::kJpeg, 16, 16, one.channels})) << one.name;
    const Image image = decode_image(bytes);
    const uint8_t* row = image.row(4);
    std::vector<int> got(row + 6, row + 9);
    got.insert(got.end(), row + 39, row + 42);
    EXPECT_EQ(got, one.pixels) << one.name;
  }
}

TEST(Decode, JpegRoundTrip) {
  Image image;
  image.reshape(40, 56, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) image.pixels()[i] = static_cast<uint8_t>(i / 3 % 56 * 4);
  for (const bool subsampling : {false, true}) {
    for (const bool progressive : {false, true}) {
      const std::string bytes =
          encode_jpeg(image, {.quality = 98, .subsampling = subsampling, .progressive = progressive});
      const Image back = decode_image(bytes);
      ASSERT_EQ(back.bytes(), image.bytes());
      for (int64_t i = 0; i < image.bytes(); ++i) ASSERT_NEAR(back.pixels()[i], image.pixels()[i], 4);
    }
  }
}

TEST(Decode, RefusesWhatIsNoImage) {
  EXPECT_THAT(error_of([] { read_image_header(""); }), HasSubstr("no image bytes"));
  EXPECT_THAT(error_of([] { read_image_header("GIF89a..."); }), HasSubstr("it looks like a GIF"));
  EXPECT_THAT(error_of([] { read_image_header("\x01\x02 abc"); }), HasSubstr("it begins with 01 02 20 61"));
  EXPECT_THAT(error_of([] { read_image_header("\xff\xd8\xff"); }), StartsWith("damaged JPEG: "));
  EXPECT_THAT(error_of([] { read_image_header("\x89PNG\r\n\x1a\n"); }), StartsWith("damaged PNG: "));
}

TEST(Decode, RefusesCutFiles) {
  for (const std::string& bytes : {encode_jpeg(noise(64, 64, 3)), encode_png(noise(64, 64, 3)),
                                   encode_jpeg(noise(64, 64, 3), {.progressive = true})}) {
    // A PNG's last four bytes are the checksum of an empty chunk, and nobody misses them.
    const size_t least = bytes.starts_with("\xff") ? 1 : 5;
    for (const size_t kept : {bytes.size() - least, bytes.size() / 2, bytes.size() / 4, size_t{20}}) {
      const std::string cut = bytes.substr(0, kept);
      EXPECT_THAT(error_of([&] { decode_image(cut); }), StartsWith("damaged ")) << kept << " of " << bytes.size();
      const auto window = [&] {
        ImageDecoder decoder;
        Image image;
        decoder.open(cut);
        decoder.decode_window({0, 0, 8, 8}, {}, image);
      };
      EXPECT_THAT(error_of(window), StartsWith("damaged ")) << kept << " of " << bytes.size();
    }
  }
}

// A header of a few bytes must not make us take hundreds of megabytes.
TEST(Decode, RefusesMorePixelsThanTheBytesCanHold) {
  const std::string png = test::from_hex(
      "89504e470d0a1a0a0000000d4948445200"
      "002710000027100802000000352cf570");
  EXPECT_EQ(error_of([&] { read_image_header(png); }), "damaged PNG: 10000 x 10000 pixels can't be in 33 bytes");
  // Rows of less than a byte.
  const std::string narrow = test::from_hex(
      "89504e470d0a1a0a0000000d4948445200"
      "00000700ff0e0101000000004c04f4d8");
  EXPECT_EQ(error_of([&] { read_image_header(narrow); }), "damaged PNG: 7 x 16715265 pixels can't be in 33 bytes");
  std::string jpeg = encode_jpeg(noise(16, 16, 3));
  const size_t frame = jpeg.find("\xff\xc0");
  jpeg.replace(frame + 5, 4, std::string("\x20\x00\x10\x00", 4));
  EXPECT_EQ(error_of([&] { read_image_header(jpeg); }),
            fmt::format("damaged JPEG: 4096 x 8192 pixels can't be in {} bytes", jpeg.size()));
  // What is really there in so few bytes is taken.
  Image flat;
  flat.reshape(4000, 4000, 1);
  std::fill_n(flat.pixels(), flat.bytes(), uint8_t{7});
  for (const std::string& bytes : {encode_png(flat), encode_jpeg(flat, {.quality = 50, .progressive = true})}) {
    EXPECT_EQ(decode_image(bytes).height(), 4000) << bytes.size();
  }
}

// A marker inside the picture's data: libjpeg only warns and makes up the rest.
TEST(Decode, RefusesDamageThatLibjpegWarnsOf) {
  std::string bytes = encode_jpeg(noise(64, 64, 3));
  bytes[bytes.size() / 2] = '\xff';
  bytes[bytes.size() / 2 + 1] = '\xd9';
  EXPECT_THAT(error_of([&] { decode_image(bytes); }), AllOf(StartsWith("damaged JPEG: "), HasSubstr("premature end")));
}

// The decoder goes on after an error.
TEST(Decode, IsReusableAfterAnError) {
  const std::string good = encode_jpeg(noise(33, 47, 3));
  const Image expected = decode_image(good);
  ImageDecoder decoder;
  Image image;
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(error_of([&] {
                decoder.open(std::string_view(good).substr(0, good.size() / 2));
                decoder.decode({}, image);
              }),
              "(no error)");
    decoder.open(good);
    decoder.decode({}, image);
    EXPECT_EQ(text_of(image), text_of(expected));
  }
}

TEST(Decode, RefusesImpossibleOptions) {
  const std::string bytes = encode_jpeg(noise(16, 16, 3));
  EXPECT_THAT(error_of([&] { decode_image(bytes, {.channels = 2}); }), HasSubstr("1 or 3 channels, not 2"));
  EXPECT_THAT(error_of([&] { decode_image(bytes, {.ratio = 3}); }), HasSubstr("not 3"));
  EXPECT_THAT(error_of([&] { encode_jpeg(noise(1, 1, 3), {.quality = 0}); }), HasSubstr("JPEG quality 0"));
  EXPECT_THAT(error_of([] { encode_png(Image()); }), HasSubstr("[0, 0, 0]"));
}

}  // namespace
}  // namespace netwright
