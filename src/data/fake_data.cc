#include "data/fake_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include "core/error.h"
#include "data/encode.h"
#include "data/python_shuffle.h"
#include "data/shards.h"

namespace netwright {
namespace {

constexpr double kGoldenRatio = std::numbers::phi - 1.0;  // its multiples are spread evenly over [0, 1)
constexpr int64_t kMaxSide = 1 << 14;
constexpr int64_t kMaxImages = int64_t{1} << 31;
constexpr float kStripes = 70.0F;  // amplitudes, of 255
constexpr float kShade = 40.0F;
constexpr uint32_t kNoise = 24;  // from lowest to highest

constexpr float kTurn = 2.0F * std::numbers::pi_v<float>;

// A number of a class's own in [0, 1).
double class_fraction(int64_t label, double step) {
  double whole = 0.0;
  return std::modf(static_cast<double>(label) * step, &whole);
}

// A wave over the picture: its argument grows by `x` a column and `y` a row.
struct Wave {
  float x;
  float y;
  float phase;
};

Wave class_wave(int64_t label, RandomStream& draws, float side) {
  const double angle = std::numbers::pi * class_fraction(label, kGoldenRatio);
  const double cycles = 4.0 + 8.0 * class_fraction(label, kGoldenRatio * kGoldenRatio);
  const double scale = kTurn * cycles / side;
  return {static_cast<float>(scale * std::cos(angle)), static_cast<float>(scale * std::sin(angle)),
          kTurn * draws.uniform()};
}

Wave shade_wave(RandomStream& draws, float side) {
  const float scale = kTurn / side;
  return {scale * (2.0F * draws.uniform() - 1.0F), scale * (2.0F * draws.uniform() - 1.0F), kTurn * draws.uniform()};
}

std::array<float, 3> class_colour(int64_t label) {
  const double hue = class_fraction(label, kGoldenRatio / 3.0);
  std::array<float, 3> colour{};
  for (size_t c = 0; c < 3; ++c) {
    colour[c] = static_cast<float>(std::cos(kTurn * (hue + static_cast<double>(c) / 3.0)));
  }
  return colour;
}

ShardPart fake_part(const FakeDataOptions& options, const char* name, int64_t size, int64_t shards, uint64_t which) {
  ShardPart part{.name = name, .shards = shards, .size = size};
  const std::string settings =
      fmt::format("{} {} {} {} {}", options.seed, options.classes, options.height, options.width, options.quality);
  part.fingerprint = extend_fingerprint(0, settings, size);
  // The classes in turn, in a drawn order.
  const std::vector<uint32_t> order =
      python_shuffle(static_cast<uint32_t>(size), static_cast<uint32_t>(options.seed * 2 + which));
  part.picture = [options, order, which, name = part.name](int64_t place) {
    const int64_t label = order[static_cast<size_t>(place)] % options.classes;
    RandomStream draws(options.seed, RandomPurpose::kFakeData, which, static_cast<uint64_t>(place));
    Image image;
    image.reshape(options.height, options.width, 3);
    paint_fake_picture(label, draws, image);
    return LabelledPicture{encode_jpeg(image, {.quality = options.quality}), label,
                           fmt::format("fake_{}_{:08d}.JPEG", name, place + 1)};
  };
  return part;
}

void check(const FakeDataOptions& options) {
  const auto expect = [](int64_t value, std::string_view what, int64_t low, int64_t high) {
    if (value < low || value > high) fail("{} {}; expected {} to {}", value, what, low, high);
  };
  expect(options.train_images, "training images", 0, kMaxImages);
  expect(options.validation_images, "validation images", 0, kMaxImages);
  expect(options.train_images + options.validation_images, "images in all", 1, 2 * kMaxImages);
  expect(options.classes, "classes", 1, 1000000);
  expect(options.height, "rows of pixels", 1, kMaxSide);
  expect(options.width, "columns of pixels", 1, kMaxSide);
  expect(options.quality, "as JPEG quality", 1, 100);
}

}  // namespace

void paint_fake_picture(int64_t label, RandomStream& draws, Image& image) {
  const auto side = static_cast<float>(std::max(image.height(), image.width()));
  const Wave stripes = class_wave(label, draws, side);
  const Wave shade = shade_wave(draws, side);
  const std::array<float, 3> colour = class_colour(label);
  for (int64_t y = 0; y < image.height(); ++y) {
    uint8_t* pixel = image.row(y);
    const auto row = static_cast<float>(y);
    for (int64_t x = 0; x < image.width(); ++x, pixel += 3) {
      const auto column = static_cast<float>(x);
      const float wave = kStripes * std::sin(stripes.x * column + stripes.y * row + stripes.phase);
      const uint32_t noise = draws.next_u32();
      const float light = 128.0F + kShade * std::sin(shade.x * column + shade.y * row + shade.phase) +
                          static_cast<float>(noise % kNoise) - kNoise / 2.0F;
      for (size_t c = 0; c < 3; ++c) {
        pixel[c] = static_cast<uint8_t>(std::clamp(light + wave * colour[c], 0.0F, 255.0F));
      }
    }
  }
}

void write_fake_data(const FakeDataOptions& options, const std::function<void()>& checked) {
  check(options);
  ShardSet set;
  if (options.train_images > 0) {
    set.parts.push_back(fake_part(options, "train", options.train_images, options.train_shards, 0));
  }
  if (options.validation_images > 0) {
    set.parts.push_back(fake_part(options, "validation", options.validation_images, options.validation_shards, 1));
  }
  for (int64_t i = 0; i < options.classes; ++i) set.class_names.push_back(fmt::format("class_{:04d}", i + 1));
  ShardWriter writer(set, options.output);
  if (checked) checked();
  writer.write(options.threads);
}

}  // namespace netwright
