#include "train/run_pictures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "data/encode.h"
#include "data/sheet.h"

namespace netwright {
namespace {

constexpr int64_t kMostPictures = 64;

// A row of the batch as pixels again.
Image restore_picture(const float* values, const InputSpec& spec) {
  Image image;
  image.reshape(spec.height, spec.width, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) {
    const auto channel = static_cast<size_t>(i % 3);
    const float pixel = values[i] * spec.deviation.at(channel) + spec.mean.at(channel);
    image.pixels()[i] = static_cast<uint8_t>(std::lround(std::clamp(pixel, 0.0F, 255.0F)));
  }
  return image;
}

}  // namespace

void write_histograms(EventWriter& events, std::string_view group, const ParameterLayout& layout,
                      const FlatBuffer& buffer, int64_t step) {
  std::vector<float> values;
  for (const FlatTensor& tensor : layout.tensors()) {
    if (tensor.offset >= layout.trainable_size()) continue;
    values.resize(static_cast<size_t>(tensor.size));
    buffer.download(tensor.offset, values);
    events.histogram(fmt::format("{}/{}", group, tensor.name), make_histogram(values), step);
  }
}

void write_first_batch(EventWriter& events, const Batch& batch, const InputSpec& spec,
                       const std::vector<std::string>& class_names, int64_t step) {
  const int64_t count = std::min(batch.valid, kMostPictures);
  std::vector<Image> images;
  std::vector<SheetPicture> pictures;
  for (int64_t i = 0; i < count; ++i)
    images.push_back(restore_picture(batch.images + i * spec.height * spec.width * 3, spec));
  for (int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<size_t>(batch.labels[static_cast<size_t>(i)]);
    pictures.push_back(
        {&images[static_cast<size_t>(i)], label < class_names.size() ? class_names[label] : fmt::format("{}", label)});
  }
  const Image sheet = picture_sheet(pictures);
  events.image("first_batch/image", sheet.height(), sheet.width(), encode_png(sheet), step);
}

}  // namespace netwright
