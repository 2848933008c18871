// Resizing against TensorFlow 1.15's kernels.
#include "kernels/resize.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "formats/safetensors.h"
#include "formats/support.h"
#include "support/golden.h"

namespace netwright {
namespace {

using nlohmann::json;

struct Picture {
  int64_t height;
  int64_t width;
  std::vector<float> values;

  std::vector<uint8_t> truncated() const {
    std::vector<uint8_t> bytes;
    for (const float value : values) bytes.push_back(static_cast<uint8_t>(std::clamp(value, 0.0F, 255.0F)));
    return bytes;
  }
};

// 37.5 stands behind the target, to be found again.
std::vector<float> resized(const Picture& picture, bool bytes, ResizeFilter filter, RgbTarget target) {
  constexpr float kSentinel = 37.5F;
  std::vector<float> out(static_cast<size_t>(target.height * target.width * 3 + 16), kSentinel);
  target.pixels = out.data();
  RgbResizer resizer;
  if (bytes) {
    const std::vector<uint8_t> pixels = picture.truncated();
    resizer.resize(RgbSource<uint8_t>{pixels.data(), picture.height, picture.width, 3 * picture.width}, target, filter);
  } else {
    resizer.resize(RgbSource<float>{picture.values.data(), picture.height, picture.width, 3 * picture.width}, target,
                   filter);
  }
  for (size_t i = out.size() - 16; i < out.size(); ++i) EXPECT_EQ(out[i], kSentinel) << "written behind the target";
  out.resize(out.size() - 16);
  return out;
}

// Bit for bit, on every instruction set that this processor has.
TEST(Resize, EqualsTensorFlow) {
  NETWRIGHT_NEEDS_GOLDEN("augmentation");
  const json index = json::parse(read_file(golden + "/resize.json"));
  const SafetensorsReader tensors(golden + "/resize.safetensors");
  int compared = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const json& one : index["cases"]) {
      const std::string kernel = one["kernel"];
      if (!kernel.starts_with("v1/bi") && !kernel.starts_with("uint8/bi")) continue;
      const Picture picture{
          one["input"][0], one["input"][1],
          tensors.read_floats(fmt::format("input/{}x{}", one["input"][0].get<int>(), one["input"][1].get<int>()))};
      const RgbTarget wanted{.height = one["output"][0], .width = one["output"][1]};
      const auto filter = kernel.ends_with("bicubic") ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
      const std::vector<float> got = resized(picture, kernel.starts_with("uint8"), filter, wanted);
      EXPECT_EQ(got, tensors.read_floats(one["key"].get<std::string>()))
          << one["key"] << " " << hwy::TargetName(target);
      ++compared;
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(compared, 40);
}

// Spec augmentation 5.6: four values in a row, made 3 and 8.
TEST(Resize, WorkedExamples) {
  const auto row = [](const std::vector<float>& values, int64_t width, ResizeFilter filter) {
    Picture picture{1, static_cast<int64_t>(values.size()), {}};
    for (const float value : values) picture.values.insert(picture.values.end(), 3, value);
    const std::vector<float> out = resized(picture, false, filter, {.height = 1, .width = width});
    std::vector<float> red;
    for (size_t i = 0; i < out.size(); i += 3) red.push_back(out[i]);
    return red;
  };
  const std::vector<float> three = row({0, 10, 20, 30}, 3, ResizeFilter::kBicubic);
  EXPECT_NEAR(three[1], 13.70099, 1e-5);
  EXPECT_NEAR(three[2], 27.41012, 1e-5);
  EXPECT_EQ(row({0, 0, 255, 255}, 8, ResizeFilter::kBicubic),
            (std::vector<float>{0, -23.90625, 0, 127.5, 255, 278.90625, 255, 255}));
  EXPECT_NEAR(row({0, 10, 20, 30}, 3, ResizeFilter::kBilinear)[1], 13.33333, 1e-5);
}

TEST(Resize, MirrorsAndNormalises) {
  Picture picture{3, 5, {}};
  for (int i = 0; i < 45; ++i) picture.values.push_back(static_cast<float>(i * 7 % 251));
  for (const auto filter : {ResizeFilter::kBilinear, ResizeFilter::kBicubic}) {
    const std::vector<float> plain = resized(picture, true, filter, {.height = 4, .width = 7});
    const RgbTarget changed{.height = 4, .width = 7, .mirror = true, .mean = {1, 2, 3}, .deviation = {3, 5, 7}};
    const std::vector<float> got = resized(picture, true, filter, changed);
    for (size_t y = 0; y < 4; ++y) {
      for (size_t x = 0; x < 7; ++x) {
        for (size_t c = 0; c < 3; ++c) {
          const float value = plain[(y * 7 + 6 - x) * 3 + c];
          EXPECT_EQ(got[(y * 7 + x) * 3 + c], (value - changed.mean[c]) / changed.deviation[c]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace netwright
