// Preprocessing against the original programs, and the crop sampler against TensorFlow's.
#include "data/augment.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "data/encode.h"
#include "formats/safetensors.h"
#include "formats/support.h"
#include "support/golden.h"

namespace netwright {
namespace {

using nlohmann::json;

// The golden cases have no mean and deviation. Nothing for the programs of other families.
std::optional<InputSpec> spec_of(const std::string& pipeline, int64_t size) {
  InputSpec spec{.height = size, .width = size, .mean = {0, 0, 0}, .deviation = {1, 1, 1}};
  if (pipeline == "mnasnet") {
    spec.crop = CentreCrop::kMnasNet;
    spec.resize = ResizeMethod::kBilinear;
  } else if (pipeline == "efficientnet/bilinear") {
    spec.resize = ResizeMethod::kBilinear;
  } else if (!pipeline.starts_with("efficientnet")) {
    return std::nullopt;
  }
  return spec;
}

// To the nearest, ties to even.
float to_bfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000U);
}

size_t floats_of(const InputSpec& spec) { return static_cast<size_t>(spec.height * spec.width * 3); }

// Both tests ask for equality, bit for bit: the order of every float32 operation is the original's.
TEST(Preprocess, EvaluationEqualsTheOriginals) {
  NETWRIGHT_NEEDS_GOLDEN("augmentation");
  const json index = json::parse(read_file(golden + "/preprocess_eval.json"));
  const SafetensorsReader tensors(golden + "/preprocess_eval.safetensors");
  int compared = 0;
  for (const json& one : index["cases"]) {
    const std::string pipeline = one["pipeline"];
    const std::optional<InputSpec> spec = spec_of(pipeline, one["size"]);
    if (!spec) continue;
    SCOPED_TRACE(one["key"]);
    std::vector<float> got(floats_of(*spec));
    Preprocessor(*spec).evaluate(read_file(golden + "/jpeg/" + one["file"].get<std::string>()), got.data());
    if (pipeline.find("bfloat16") != std::string::npos) std::ranges::transform(got, got.begin(), to_bfloat16);
    EXPECT_EQ(got, tensors.read_floats(one["key"].get<std::string>()));
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST(Preprocess, TrainingEqualsTheOriginals) {
  NETWRIGHT_NEEDS_GOLDEN("augmentation");
  const json index = json::parse(read_file(golden + "/preprocess_train.json"));
  const SafetensorsReader tensors(golden + "/preprocess_train.safetensors");
  int compared = 0;
  for (const json& one : index["cases"]) {
    const std::optional<InputSpec> spec = spec_of(one["pipeline"], one["size"]);
    if (!spec) continue;
    SCOPED_TRACE(one["key"]);
    const json& crop = one["crop"];
    const TrainDraws draws{.window = {crop[0], crop[1], crop[2], crop[3]},
                           .mirror = one["draws"][0]["value"].get<float>() < 0.5F};
    std::vector<float> got(floats_of(*spec));
    Preprocessor(*spec).train(read_file(golden + "/jpeg/" + one["file"].get<std::string>()), {}, draws, got.data());
    EXPECT_EQ(got, tensors.read_floats(one["key"].get<std::string>()));
    ++compared;
  }
  EXPECT_GE(compared, 60);
}

// The largest distance of two empirical distributions (Kolmogorov and Smirnov).
double distance(std::vector<double> a, std::vector<double> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  double largest = 0;
  for (const std::vector<double>& values : {a, b}) {
    for (const double value : values) {
      const auto below = [&](const std::vector<double>& v) {
        return static_cast<double>(std::ranges::upper_bound(v, value) - v.begin()) / static_cast<double>(v.size());
      };
      largest = std::max(largest, std::abs(below(a) - below(b)));
    }
  }
  return largest;
}

TEST(CropSampler, DrawsAsTensorFlow) {
  NETWRIGHT_NEEDS_GOLDEN("augmentation");
  const json index = json::parse(read_file(golden + "/crop_sampler.json"));
  const SafetensorsReader tensors(golden + "/crop_sampler.safetensors");
  ASSERT_GE(index["cases"].size(), golden::at_least(6));
  for (const json& one : index["cases"]) {
    SCOPED_TRACE(one["key"]);
    const json& arguments = one["arguments"];
    const CropSampler sampler{.min_object_covered = arguments["min_object_covered"],
                              .min_aspect = arguments["aspect_ratio_range"][0],
                              .max_aspect = arguments["aspect_ratio_range"][1],
                              .min_area = arguments["area_range"][0],
                              .max_area = arguments["area_range"][1],
                              .attempts = arguments["max_attempts"]};
    const int64_t height = one["image"][0];
    const int64_t width = one["image"][1];
    const std::vector<int64_t> golden_rows = tensors.read_ints(one["key"].get<std::string>());
    const size_t count = golden_rows.size() / 4;
    // y, x, height, width and area of theirs and ours.
    std::array<std::vector<double>, 5> theirs;
    std::array<std::vector<double>, 5> ours;
    const auto note = [](std::array<std::vector<double>, 5>& all, std::array<int64_t, 4> window) {
      for (size_t i = 0; i < 4; ++i) all[i].push_back(static_cast<double>(window[i]));
      all[4].push_back(static_cast<double>(window[2] * window[3]));
    };
    int64_t whole = 0;
    for (size_t i = 0; i < count; ++i) {
      note(theirs, {golden_rows[4 * i], golden_rows[4 * i + 1], golden_rows[4 * i + 2], golden_rows[4 * i + 3]});
      RandomStream stream(1, RandomPurpose::kTest, 0, i);
      const CropWindow got = sampler.sample(stream, height, width);
      note(ours, {got.y, got.x, got.height, got.width});
      if (got == CropWindow{0, 0, height, width}) {
        ++whole;
        continue;
      }
      const auto area = static_cast<double>(got.height * got.width) / static_cast<double>(height * width);
      const auto aspect = static_cast<double>(got.width) / static_cast<double>(got.height);
      ASSERT_GE(area, std::max(sampler.min_object_covered, sampler.min_area) - 1e-6);
      ASSERT_NEAR(std::clamp<double>(aspect, sampler.min_aspect, sampler.max_aspect), aspect, 0.06);
      // The last possible offset is never drawn.
      ASSERT_TRUE(got.y < height - got.height || got.height == height);
      ASSERT_TRUE(got.x < width - got.width || got.width == width);
    }
    EXPECT_EQ(whole, one["whole_image"].get<int64_t>());
    // 4000 against 4000: 0.0436 is exceeded once in a thousand times by one distribution's own samples.
    for (size_t i = 0; i < 5; ++i) EXPECT_LT(distance(theirs[i], ours[i]), 0.0436) << "column " << i;
  }
}

// Spec augmentation 5.5 and mnasnet 5.4: image, network, and the window's side and corner.
TEST(CentreCrop, PublishedExamples) {
  struct Case {
    CentreCrop kind;
    int64_t height, width, size, side, top, left;
  };
  const auto efficientnet = CentreCrop::kEfficientNet;
  const auto mnasnet = CentreCrop::kMnasNet;
  const Case cases[] = {
      {efficientnet, 375, 500, 224, 328, 24, 86},  {efficientnet, 500, 333, 224, 291, 105, 21},
      {efficientnet, 375, 500, 240, 328, 24, 86},  {efficientnet, 375, 500, 600, 327, 24, 87},
      {efficientnet, 224, 224, 224, 196, 14, 14},  {efficientnet, 600, 600, 380, 525, 38, 38},
      {mnasnet, 375, 500, 224, 328, 24, 86},       {mnasnet, 500, 375, 192, 321, 90, 27},
      {mnasnet, 400, 300, 160, 250, 75, 25},       {mnasnet, 333, 500, 96, 249, 42, 126},
      {mnasnet, 256, 256, 224, 224, 16, 16},       {mnasnet, 100, 80, 128, 64, 18, 8},
      {CentreCrop::kNone, 375, 500, 224, 0, 0, 0}, {efficientnet, 1, 1, 224, 1, 0, 0},
  };
  for (const Case& one : cases) {
    const InputSpec spec{.height = one.size, .width = one.size, .crop = one.kind};
    const CropWindow expected = one.kind == CentreCrop::kNone ? CropWindow{0, 0, one.height, one.width}
                                                              : CropWindow{one.top, one.left, one.side, one.side};
    EXPECT_EQ(centre_crop(spec, one.height, one.width), expected) << one.height << " x " << one.width;
  }
}

// torchvision's Resize(256) and CenterCrop(224), which rounds a half to the even side.
TEST(MiddleOfResized, AsTorchvision) {
  const InputSpec spec;
  const ResizedWindow wide = middle_of_resized(spec, 300, 400);
  EXPECT_EQ((std::array{wide.height, wide.width, wide.top, wide.left}), (std::array<int64_t, 4>{256, 341, 16, 58}));
  const ResizedWindow tall = middle_of_resized(spec, 400, 301);
  EXPECT_EQ((std::array{tall.height, tall.width, tall.top, tall.left}), (std::array<int64_t, 4>{340, 256, 58, 16}));
}

TEST(Preprocess, NormalisesMirrorsAndShifts) {
  Image image;
  image.reshape(6, 6, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) image.pixels()[i] = static_cast<uint8_t>(i * 2);
  const InputSpec spec{.height = 6, .width = 6, .crop = CentreCrop::kNone};
  const TrainAugment augment{.crop = TrainCrop::kNone, .shift = 2};
  Preprocessor preprocessor(spec);
  std::vector<float> got(floats_of(spec));
  std::set<std::tuple<bool, int64_t, int64_t>> seen;
  for (uint64_t sample = 0; sample < 400; ++sample) {
    RandomStream stream(7, RandomPurpose::kAugment, 0, sample);
    RandomStream same(7, RandomPurpose::kAugment, 0, sample);
    preprocessor.train(image, augment, stream, got.data());
    const TrainDraws draws = draw_training(augment, 6, 6, same);
    seen.insert({draws.mirror, draws.shift_y, draws.shift_x});
    for (int64_t y = 0; y < 6; ++y) {
      for (int64_t x = 0; x < 6; ++x) {
        const int64_t from_y = y + draws.shift_y;
        const int64_t resized_x = x + draws.shift_x;
        const bool inside = from_y >= 0 && from_y < 6 && resized_x >= 0 && resized_x < 6;
        const int64_t from_x = draws.mirror ? 5 - resized_x : resized_x;
        for (size_t c = 0; c < 3; ++c) {
          const float pixel = inside ? image.row(from_y)[from_x * 3 + static_cast<int64_t>(c)] : 0.0F;
          ASSERT_EQ(got[static_cast<size_t>(y * 6 + x) * 3 + c], (pixel - spec.mean[c]) / spec.deviation[c]);
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), 50U);  // mirrored or not, five by five shifts
}

// A PNG and the pixels themselves give the same, crop included.
TEST(Preprocess, PixelsAndFilesAgree) {
  Image image;
  image.reshape(50, 70, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) image.pixels()[i] = static_cast<uint8_t>(i * 37 >> 3);
  const std::string png = encode_png(image);
  const InputSpec spec{.height = 24, .width = 32};
  Preprocessor preprocessor(spec);
  std::vector<float> a(floats_of(spec));
  std::vector<float> b(floats_of(spec));
  preprocessor.evaluate(png, a.data());
  preprocessor.evaluate(image, b.data());
  EXPECT_EQ(a, b);
  for (uint64_t sample = 0; sample < 20; ++sample) {
    RandomStream first(3, RandomPurpose::kAugment, 0, sample);
    RandomStream second(3, RandomPurpose::kAugment, 0, sample);
    preprocessor.train(png, {}, first, a.data());
    preprocessor.train(image, {}, second, b.data());
    EXPECT_EQ(a, b);
  }
}

}  // namespace
}  // namespace netwright
