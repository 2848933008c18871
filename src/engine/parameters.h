// All values of a network in one flat float32 buffer.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace netwright {

// Where one variable lies. Layouts are TensorFlow's (HWIO kernels).
struct FlatTensor {
  std::string name;
  Shape shape;
  ParameterRole role = ParameterRole::kKernel;
  Initializer initializer;
  double l2 = 0.0;
  int64_t offset = 0;  // elements from the buffer's beginning, a multiple of 16 (64 bytes)
  int64_t size = 0;    // elements
};

// A part of the flat buffer.
struct FlatRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool operator==(const FlatRange&) const = default;
};

// A part of the flat buffer that is decayed: the optimiser adds coefficient * w to its gradient, the reported loss
// coefficient / 2 * |w|^2.
struct L2Range {
  FlatRange range;
  double coefficient = 0.0;
};

// A tensor in the flat buffer, for what is done by tensor (LARS, norms).
struct FlatSegment {
  FlatRange range;
  bool adapted = true;  // LARS scales its rate; else plain momentum
};

// The order: trainable with weight decay, other trainable, moving statistics; within each the graph's. Gradients and
// slots cover the first two, averages all three. Padding between tensors is zero.
class ParameterLayout {
 public:
  ParameterLayout() = default;
  explicit ParameterLayout(const Graph& graph);

  const std::vector<FlatTensor>& tensors() const { return tensors_; }
  // The tensor of a graph's parameter id.
  const FlatTensor& of(int parameter) const { return tensors_[static_cast<size_t>(index_[parameter])]; }
  // nullptr when there is none of that name.
  const FlatTensor* find(std::string_view name) const;

  int64_t trainable_size() const { return trainable_size_; }  // elements of gradients and slots
  int64_t size() const { return size_; }                      // elements of values and averages
  int64_t trainable_count() const;                            // elements without padding
  // Contiguous ranges of equal coefficient: each tensor's l2 times `weight_decay`, zeros left out.
  std::vector<L2Range> l2_ranges(double weight_decay) const;

 private:
  std::vector<FlatTensor> tensors_;
  std::vector<int> index_;
  std::map<std::string, size_t, std::less<>> by_name_;
  int64_t trainable_size_ = 0;
  int64_t size_ = 0;
};

// One segment a trainable tensor. Names with batch_normalization, bias, beta or gamma are not adapted (spec
// efficientnet 4.4).
std::vector<FlatSegment> lars_segments(const ParameterLayout& layout);

// Initial values of every tensor, each drawn from a stream keyed by (seed, its name): the same on every backend, and
// unchanged when other tensors come or go. `values` has layout.size() elements.
void initialize_parameters(const ParameterLayout& layout, uint64_t seed, std::span<float> values);

// FNV-1a, 64 bits, of a name: the key of its streams.
uint64_t name_key(std::string_view name);

}  // namespace netwright
