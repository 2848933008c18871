#include "engine/parameters.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace netwright {
namespace {

constexpr int64_t kAlignment = 16;  // floats: 64 bytes

// As TensorFlow's: what lies beyond two deviations is drawn again.
double truncated_normal(RandomStream& stream) {
  constexpr double kMost = 2.0;
  double value = stream.normal();
  while (std::abs(value) > kMost) value = stream.normal();
  return value;
}

int section(const Parameter& parameter) {
  if (!parameter.trainable()) return 2;
  return parameter.l2 != 0.0 ? 0 : 1;
}

}  // namespace

ParameterLayout::ParameterLayout(const Graph& graph) {
  index_.resize(graph.parameters().size());
  for (int wanted = 0; wanted < 3; ++wanted) {
    for (size_t id = 0; id < graph.parameters().size(); ++id) {
      const Parameter& parameter = graph.parameters()[id];
      if (section(parameter) != wanted) continue;
      index_[id] = static_cast<int>(tensors_.size());
      by_name_.emplace(parameter.name, tensors_.size());
      const int64_t count = element_count(parameter.shape);
      tensors_.push_back(
          {parameter.name, parameter.shape, parameter.role, parameter.initializer, parameter.l2, size_, count});
      size_ += (count + kAlignment - 1) / kAlignment * kAlignment;
    }
    if (wanted == 1) trainable_size_ = size_;
  }
}

const FlatTensor* ParameterLayout::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

int64_t ParameterLayout::trainable_count() const {
  int64_t count = 0;
  for (const FlatTensor& tensor : tensors_) {
    if (tensor.offset < trainable_size_) count += tensor.size;
  }
  return count;
}

std::vector<L2Range> ParameterLayout::l2_ranges(double weight_decay) const {
  std::vector<L2Range> ranges;
  for (const FlatTensor& tensor : tensors_) {
    const double coefficient = tensor.offset < trainable_size_ ? tensor.l2 * weight_decay : 0.0;
    if (coefficient == 0.0) continue;
    // The padding before this tensor is zero and may be passed over with it.
    const bool continues = !ranges.empty() && ranges.back().coefficient == coefficient &&
                           tensor.offset - ranges.back().range.end < kAlignment;
    if (continues) {
      ranges.back().range.end = tensor.offset + tensor.size;
    } else {
      ranges.push_back({{tensor.offset, tensor.offset + tensor.size}, coefficient});
    }
  }
  return ranges;
}

std::vector<FlatSegment> lars_segments(const ParameterLayout& layout) {
  static constexpr std::array<std::string_view, 4> kLeftOut = {"batch_normalization", "bias", "beta", "gamma"};
  std::vector<FlatSegment> segments;
  for (const FlatTensor& tensor : layout.tensors()) {
    if (tensor.offset >= layout.trainable_size()) break;
    const bool left_out = std::any_of(kLeftOut.begin(), kLeftOut.end(), [&](std::string_view part) {
      return tensor.name.find(part) != std::string::npos;
    });
    segments.push_back({{tensor.offset, tensor.offset + tensor.size}, !left_out});
  }
  return segments;
}

uint64_t name_key(std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return hash;
}

void initialize_parameters(const ParameterLayout& layout, uint64_t seed, std::span<float> values) {
  if (static_cast<int64_t>(values.size()) != layout.size()) {
    fail("initial values: a buffer of {} elements was given, the layout has {}", values.size(), layout.size());
  }
  std::fill(values.begin(), values.end(), 0.0F);
  for (const FlatTensor& tensor : layout.tensors()) {
    RandomStream stream(seed, RandomPurpose::kInitialize, 0, name_key(tensor.name));
    const auto view = values.subspan(static_cast<size_t>(tensor.offset), static_cast<size_t>(tensor.size));
    const double scale = tensor.initializer.scale;
    switch (tensor.initializer.kind) {
      case Initializer::Kind::kZeros:
        break;
      case Initializer::Kind::kOnes:
        std::fill(view.begin(), view.end(), 1.0F);
        break;
      case Initializer::Kind::kNormal:
        for (float& value : view) value = static_cast<float>(scale * stream.normal());
        break;
      case Initializer::Kind::kTruncatedNormal:
        for (float& value : view) value = static_cast<float>(scale * truncated_normal(stream));
        break;
      case Initializer::Kind::kUniform:
        for (float& value : view) value = static_cast<float>(scale * (2.0 * stream.uniform_double() - 1.0));
        break;
    }
  }
}

}  // namespace netwright
