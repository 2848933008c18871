// From an image file's bytes to the network's input, as EfficientNet's and MnasNet's programs do it. Source: shared
// spec augmentation.md section 5, mnasnet.md section 5.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "data/decode.h"
#include "data/image.h"
#include "graph/input_spec.h"
#include "kernels/pillow_resize.h"
#include "kernels/resize.h"

namespace netwright {

// sample_distorted_bounding_box with one box that is the whole image; the defaults are both programs'.
struct CropSampler {
  float min_object_covered = 0.1F;  // of the image's area
  float min_aspect = 0.75F;         // width / height
  float max_aspect = 4.0F / 3.0F;
  float min_area = 0.08F;  // of the image's area
  float max_area = 1.0F;
  int attempts = 10;

  // The whole image when every attempt fails. Spec augmentation 5.4, in float32 as there.
  CropWindow sample(RandomStream& stream, int64_t height, int64_t width) const;

  bool operator==(const CropSampler&) const = default;
};

// What torchvision cuts out of a picture that it has resized: the middle, as large as the network's input, where the
// shorter side has become S and the margin of spec.crop.
ResizedWindow middle_of_resized(const InputSpec& spec, int64_t height, int64_t width);

// The window of evaluation and of training's fallback. Spec augmentation 5.5. A network that isn't square counts with
// its longer side; the window is a square all the same.
CropWindow centre_crop(const InputSpec& spec, int64_t height, int64_t width);

enum class TrainCrop {
  kRandomResized,  // a window of CropSampler, resized
  kNone,           // the whole image, resized: for small pictures
};

struct TrainAugment {
  TrainCrop crop = TrainCrop::kRandomResized;
  CropSampler sampler;
  bool flip = true;   // left-right, half of the times
  int64_t shift = 0;  // moved by up to so many pixels of the network's input along each axis, black coming in

  bool operator==(const TrainAugment&) const = default;
};

// What chance decided for one sample.
struct TrainDraws {
  CropWindow window;
  bool mirror = false;
  int64_t shift_y = 0;  // target pixel (y, x) shows the one at (y + shift_y, x + shift_x)
  int64_t shift_x = 0;

  bool operator==(const TrainDraws&) const = default;
};

TrainDraws draw_training(const TrainAugment& augment, int64_t height, int64_t width, RandomStream& stream);

// Makes network inputs [spec.height, spec.width, 3], normalised, one after another, keeping its buffers; one a thread.
// Throws Error for bytes that ImageDecoder refuses.
class Preprocessor {
 public:
  explicit Preprocessor(const InputSpec& spec) : spec_(spec) {}

  void evaluate(std::string_view bytes, float* target);
  void train(std::string_view bytes, const TrainAugment& augment, RandomStream& stream, float* target);
  // With the draws given. A window that is the whole image means, as in the originals, that sampling failed, and the
  // centre crop is taken instead; not so for a JPEG whose header doesn't say three channels (grey, CMYK).
  // EfficientNet's centre crop is bicubic here whatever the network's method is.
  void train(std::string_view bytes, const TrainAugment& augment, const TrainDraws& draws, float* target);

  // The same from RGB pixels.
  void evaluate(const Image& image, float* target);
  void train(const Image& image, const TrainAugment& augment, RandomStream& stream, float* target);

 private:
  void open(std::string_view bytes);
  void open(const Image& image);
  void evaluate_opened(float* target);
  void train_opened(const TrainAugment& augment, const TrainDraws& draws, float* target);
  ImageView pixels_of(const CropWindow& window);
  void finish(const CropWindow& window, ResizeMethod method, const TrainDraws& draws, float* target);
  void evaluate_as_pillow(float* target);
  RgbTarget normalised(float* pixels, bool mirror) const;
  void shift(const TrainDraws& draws, float* target) const;

  InputSpec spec_;
  ImageDecoder decoder_;
  ImageHeader header_;            // of the picture that is open
  const Image* given_ = nullptr;  // its pixels, when it doesn't come from the decoder
  RgbResizer resizer_;
  PillowResizer pillow_;
  std::vector<float> unshifted_;
};

}  // namespace netwright
