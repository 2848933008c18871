// What a network expects of its images; belongs to the model and travels in checkpoints and exports.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace netwright {

enum class ResizeMethod {
  kBilinear,  // TensorFlow 1's kernels: no half-pixel centres, no antialiasing
  kBicubic,
  // Pillow's, antialiased, what torchvision and timm do. The middle of a picture whose shorter side has become S + ...
  // pixels (CentreCrop) is cut out after it instead of before.
  kPillowBicubic,
};

// How the evaluation's (and the training's fallback) centre crop is sized for an S x S input of an image with the
// shorter side m (spec augmentation 5.5, mnasnet 5.4).
enum class CentreCrop {
  kEfficientNet,  // m * S / (S + round(S * (1 / 0.875 - 1)))
  kMnasNet,       // m * S / (S + 32)
  kCentral,       // 0.875 of either side (spec amoebanet 5.5)
  kNone,          // the whole image
};

struct InputSpec {
  int64_t height = 224;
  int64_t width = 224;
  ResizeMethod resize = ResizeMethod::kBicubic;
  CentreCrop crop = CentreCrop::kEfficientNet;
  // Normalised = (pixel - mean) / deviation per RGB channel, pixels 0..255.
  std::array<float, 3> mean = {123.675F, 116.28F, 103.53F};
  std::array<float, 3> deviation = {58.395F, 57.12F, 57.375F};

  bool operator==(const InputSpec&) const = default;
};

}  // namespace netwright
