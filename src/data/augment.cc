#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace netwright {
namespace {

// One attempt of spec augmentation 5.4; an empty window when it is rejected.
CropWindow attempt(const CropSampler& sampler, RandomStream& stream, int64_t height, int64_t width) {
  const auto image_height = static_cast<float>(height);
  const auto image_width = static_cast<float>(width);
  const float aspect = stream.uniform() * (sampler.max_aspect - sampler.min_aspect) + sampler.min_aspect;
  const float min_area = sampler.min_area * image_width * image_height;
  const float max_area = sampler.max_area * image_width * image_height;
  int64_t low = std::lrintf(std::sqrt(min_area / aspect));
  int64_t high = std::lrintf(std::sqrt(max_area / aspect));
  if (std::lrintf(static_cast<float>(high) * aspect) > width) {
    high = static_cast<int64_t>((static_cast<double>(width) + 0.5 - 1e-7) / aspect);
  }
  high = std::min(high, height);
  low = std::min(low, high);
  int64_t h = low;
  if (h < high) h += static_cast<int64_t>(stream.below(static_cast<uint64_t>(high - low + 1)));
  const auto width_of = [&](int64_t rows) { return int64_t{std::lrintf(static_cast<float>(rows) * aspect)}; };
  int64_t w = width_of(h);
  // Rounding may have left the range of areas by a row.
  if (static_cast<float>(w * h) < min_area) w = width_of(++h);
  if (static_cast<float>(w * h) > max_area) w = width_of(--h);
  const auto area = static_cast<float>(w * h);
  if (area < min_area || area > max_area || w > width || h > height || w <= 0 || h <= 0) return {};
  // The last possible offset is never drawn, as in the original.
  const int64_t y = h < height ? static_cast<int64_t>(stream.below(static_cast<uint64_t>(height - h))) : 0;
  const int64_t x = w < width ? static_cast<int64_t>(stream.below(static_cast<uint64_t>(width - w))) : 0;
  if (area / (image_width * image_height) < sampler.min_object_covered) return {};
  return {y, x, h, w};
}

// A crop of the longer side S is one of S out of so many pixels.
double uncropped_side(const InputSpec& spec) {
  const auto side = static_cast<double>(std::max(spec.height, spec.width));
  return spec.crop == CentreCrop::kMnasNet ? side + 32 : side + std::nearbyint(side * (1 / 0.875 - 1));
}

float crop_ratio(const InputSpec& spec) {
  return static_cast<float>(static_cast<double>(std::max(spec.height, spec.width)) / uncropped_side(spec));
}

ResizeFilter filter_of(ResizeMethod method) {
  return method == ResizeMethod::kBicubic ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
}

}  // namespace

CropWindow CropSampler::sample(RandomStream& stream, int64_t height, int64_t width) const {
  for (int i = 0; i < attempts; ++i) {
    const CropWindow window = attempt(*this, stream, height, width);
    if (window.height > 0) return window;
  }
  return {0, 0, height, width};
}

CropWindow centre_crop(const InputSpec& spec, int64_t height, int64_t width) {
  if (spec.crop == CentreCrop::kNone) return {0, 0, height, width};
  if (spec.crop == CentreCrop::kCentral) {
    const auto margin = [](auto side) { return static_cast<int64_t>((side - 0.875 * static_cast<double>(side)) / 2); };
    const int64_t top = margin(height);
    const int64_t left = margin(width);
    return {top, left, height - 2 * top, width - 2 * left};
  }
  const auto shorter = static_cast<float>(std::min(height, width));
  const auto side = std::max<int64_t>(1, static_cast<int64_t>(crop_ratio(spec) * shorter));
  return {(height - side + 1) / 2, (width - side + 1) / 2, side, side};
}

ResizedWindow middle_of_resized(const InputSpec& spec, int64_t height, int64_t width) {
  const auto pixels = static_cast<int64_t>(uncropped_side(spec));
  ResizedWindow window = {.height = pixels, .width = pixels};
  (height < width ? window.width : window.height) = pixels * std::max(height, width) / std::min(height, width);
  const auto middle = [](int64_t whole, int64_t part) { return std::lrint(static_cast<double>(whole - part) / 2.0); };
  window.top = middle(window.height, spec.height);
  window.left = middle(window.width, spec.width);
  return window;
}

TrainDraws draw_training(const TrainAugment& augment, int64_t height, int64_t width, RandomStream& stream) {
  TrainDraws draws;
  draws.window = {0, 0, height, width};
  if (augment.crop == TrainCrop::kRandomResized) draws.window = augment.sampler.sample(stream, height, width);
  if (augment.flip) draws.mirror = stream.uniform() < 0.5F;
  if (augment.shift > 0) {
    const auto positions = static_cast<uint64_t>(2 * augment.shift + 1);
    draws.shift_y = static_cast<int64_t>(stream.below(positions)) - augment.shift;
    draws.shift_x = static_cast<int64_t>(stream.below(positions)) - augment.shift;
  }
  return draws;
}

void Preprocessor::evaluate(std::string_view bytes, float* target) {
  open(bytes);
  evaluate_opened(target);
}

void Preprocessor::evaluate(const Image& image, float* target) {
  open(image);
  evaluate_opened(target);
}

void Preprocessor::train(std::string_view bytes, const TrainAugment& augment, RandomStream& stream, float* target) {
  open(bytes);
  train_opened(augment, draw_training(augment, header_.height, header_.width, stream), target);
}

void Preprocessor::train(std::string_view bytes, const TrainAugment& augment, const TrainDraws& draws, float* target) {
  open(bytes);
  train_opened(augment, draws, target);
}

void Preprocessor::train(const Image& image, const TrainAugment& augment, RandomStream& stream, float* target) {
  open(image);
  train_opened(augment, draw_training(augment, header_.height, header_.width, stream), target);
}

void Preprocessor::open(std::string_view bytes) {
  given_ = nullptr;
  header_ = decoder_.open(bytes);
}

void Preprocessor::open(const Image& image) {
  if (image.channels() != 3) fail("an image with {} channels was given; expected RGB", image.channels());
  given_ = &image;
  header_ = {ImageKind::kPng, image.width(), image.height(), 3};
}

void Preprocessor::evaluate_opened(float* target) {
  const bool by_side = spec_.crop == CentreCrop::kEfficientNet || spec_.crop == CentreCrop::kMnasNet;
  if (spec_.resize == ResizeMethod::kPillowBicubic && by_side) return evaluate_as_pillow(target);
  finish(centre_crop(spec_, header_.height, header_.width), spec_.resize, {}, target);
}

void Preprocessor::train_opened(const TrainAugment& augment, const TrainDraws& draws, float* target) {
  const bool whole = draws.window == CropWindow{0, 0, header_.height, header_.width};
  const bool three = header_.channels == 3 || header_.kind == ImageKind::kPng;
  if (augment.crop == TrainCrop::kRandomResized && whole && three) {
    const ResizeMethod method = spec_.crop == CentreCrop::kEfficientNet ? ResizeMethod::kBicubic : spec_.resize;
    finish(centre_crop(spec_, header_.height, header_.width), method, draws, target);
  } else {
    finish(draws.window, spec_.resize, draws, target);
  }
}

ImageView Preprocessor::pixels_of(const CropWindow& window) {
  return given_ != nullptr ? view_of(*given_, window) : decoder_.view_window(window, {});
}

void Preprocessor::finish(const CropWindow& window, ResizeMethod method, const TrainDraws& draws, float* target) {
  const ImageView image = pixels_of(window);
  const bool shifted = draws.shift_y != 0 || draws.shift_x != 0;
  if (shifted) unshifted_.resize(static_cast<size_t>(spec_.height * spec_.width * 3));
  const RgbTarget resized = normalised(shifted ? unshifted_.data() : target, draws.mirror);
  const RgbSource<uint8_t> source = {image.pixels, image.height, image.width, image.stride};
  if (method == ResizeMethod::kPillowBicubic) {
    pillow_.resize(source, {.height = spec_.height, .width = spec_.width}, resized);
  } else {
    resizer_.resize(source, resized, filter_of(method));
  }
  if (shifted) shift(draws, target);
}

void Preprocessor::evaluate_as_pillow(float* target) {
  const ImageView image = pixels_of({0, 0, header_.height, header_.width});
  pillow_.resize({image.pixels, image.height, image.width, image.stride},
                 middle_of_resized(spec_, image.height, image.width), normalised(target, false));
}

RgbTarget Preprocessor::normalised(float* pixels, bool mirror) const {
  return {.pixels = pixels,
          .height = spec_.height,
          .width = spec_.width,
          .mirror = mirror,
          .mean = spec_.mean,
          .deviation = spec_.deviation};
}

void Preprocessor::shift(const TrainDraws& draws, float* target) const {
  const int64_t height = spec_.height;
  const int64_t width = spec_.width;
  const int64_t begin = std::clamp<int64_t>(-draws.shift_x, 0, width);  // columns [begin, end) come from the picture
  const int64_t end = std::clamp<int64_t>(width - draws.shift_x, begin, width);
  std::array<float, 3> black;
  for (size_t c = 0; c < 3; ++c) black[c] = (0.0F - spec_.mean[c]) / spec_.deviation[c];
  for (int64_t y = 0; y < height; ++y) {
    float* row = target + y * width * 3;
    for (int64_t i = 0; i < width * 3; ++i) row[i] = black[static_cast<size_t>(i % 3)];
    const int64_t from = y + draws.shift_y;
    if (from < 0 || from >= height) continue;
    const float* source = unshifted_.data() + (from * width + begin + draws.shift_x) * 3;
    std::copy(source, source + (end - begin) * 3, row + begin * 3);
  }
}

}  // namespace netwright
