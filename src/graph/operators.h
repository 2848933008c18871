// The operators of a graph: small structs with public attributes and a defaulted operator==.
//
// Adding one: its struct here and in `Operator`; the compiler then names every pass that must learn it (shape, cost,
// text, JSON, lowering of each backend, exports). docs/add_an_operator.md walks through.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "graph/shape.h"

namespace netwright {

// A parameter as an operator uses it: the leading `extent[i]` of each axis of the stored tensor, which keeps its own
// strides. Equal to the whole tensor but in sampled networks of a weight-sharing search. id -1: there is none.
struct ParameterRef {
  int id = -1;
  Shape extent;

  explicit operator bool() const { return id >= 0; }
  bool operator==(const ParameterRef&) const = default;
};

enum class Padding {
  kSame,       // TensorFlow's SAME: output = ceil(input / stride); of an odd total the larger part goes after
  kValid,      // none
  kSymmetric,  // (kernel - 1) / 2 * dilation on both sides: timm's and torchvision's convention
};

// The geometry of a sliding window.
struct Window {
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int dilation = 1;
  Padding padding = Padding::kSame;

  bool operator==(const Window&) const = default;
};

// kElu: x above 0, e^x - 1 below; kLeakyRelu: x above 0, 0.2 x below (TensorFlow's defaults).
enum class ActivationKind { kRelu, kRelu6, kSwish, kSigmoid, kHardSwish, kHardSigmoid, kTanh, kElu, kLeakyRelu };

// Padding plays no part: the average divides by the values that are there, as TensorFlow's does.
enum class PoolKind { kMax, kAverage, kMin };

// The network's input: images [H, W, 3], already normalised.
struct Input {
  Shape shape;
  bool operator==(const Input&) const = default;
};

// Kernel [kh, kw, in / groups, out], from a parameter, or (kernel.id < 0) from a second input, a MixExperts node, with
// one kernel an example.
struct Conv2D {
  Window window;
  int64_t filters = 0;
  int64_t groups = 1;
  ParameterRef kernel;
  ParameterRef bias;
  bool operator==(const Conv2D&) const = default;
};

// Kernel [kh, kw, channels, multiplier], from a parameter or from a second input as in Conv2D. Each channel gives
// `multiplier` neighbouring ones.
struct DepthwiseConv2D {
  Window window;
  int64_t multiplier = 1;
  ParameterRef kernel;
  ParameterRef bias;
  bool operator==(const DepthwiseConv2D&) const = default;
};

// How the moments of the parts of a batch become those that normalise.
enum class BatchNormCombine {
  kNone,             // every replica (part) for itself
  kMeanOfVariances,  // mean of means; mean of (variance + mean^2), minus the squared mean
};

struct BatchNorm {
  double momentum = 0.99;  // moving -= (1 - momentum) * (moving - batch)
  double epsilon = 1e-3;
  // The batch variance that feeds the moving variance has Bessel's correction M / max(M - 1, 1).
  bool unbiased_moving_variance = false;
  BatchNormCombine combine = BatchNormCombine::kNone;
  ParameterRef gamma;  // may be absent: 1
  ParameterRef beta;   // may be absent: 0
  // Both or neither. Without them it knows the batch's statistics only, and can't be lowered to use others.
  ParameterRef moving_mean;
  ParameterRef moving_variance;
  bool operator==(const BatchNorm&) const = default;
};

struct Activation {
  ActivationKind kind = ActivationKind::kRelu;
  bool operator==(const Activation&) const = default;
};

struct Pool {
  PoolKind kind = PoolKind::kMax;
  Window window;
  bool operator==(const Pool&) const = default;
};

// The mean over height and width: [C], or [1, 1, C] when it keeps the dimensions.
struct GlobalPool {
  bool keep_dimensions = false;
  bool operator==(const GlobalPool&) const = default;
};

// x [in] times kernel [in, units], plus bias. An input [1, 1, C] counts as [C].
struct Dense {
  int64_t units = 0;
  ParameterRef kernel;
  ParameterRef bias;
  bool operator==(const Dense&) const = default;
};

// The values of a picture as a vector [H * W * C], in that order.
struct Flatten {
  bool operator==(const Flatten&) const = default;
};

// The input times one trainable number (shape []).
struct Scale {
  ParameterRef scale;
  bool operator==(const Scale&) const = default;
};

// The sum of two or more inputs of one shape.
struct Add {
  bool operator==(const Add&) const = default;
};

// The first input [H, W, C] times the second, of the same shape or [1, 1, C] (a squeeze-and-excite gate).
struct Multiply {
  bool operator==(const Multiply&) const = default;
};

// The input times a constant: the share of an alternative in a sum of several.
struct Weigh {
  double factor = 1.0;
  bool operator==(const Weigh&) const = default;
};

// Inputs side by side on the channels.
struct Concat {
  bool operator==(const Concat&) const = default;
};

// The channels [begin, begin + size) of the input.
struct Split {
  int64_t begin = 0;
  int64_t size = 0;
  bool operator==(const Split&) const = default;
};

// Zeros around height and width; a negative number of rows or columns is cut off.
struct Pad {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;
  bool operator==(const Pad&) const = default;
};

// In training each element is zero with probability `rate`, else divided by 1 - rate.
struct Dropout {
  double rate = 0.0;
  bool operator==(const Dropout&) const = default;
};

// In training an example's whole value is zero with probability 1 - survival, else divided by `survival`
// (drop-connect of EfficientNet; drop-path of AmoebaNet).
struct DropPath {
  double survival = 1.0;
  bool ramps = false;  // the probability falls from 1 at the first step to `survival` at the run's last one
  bool operator==(const DropPath&) const = default;
};

// [H, W, C] to [H / block, W / block, C * block^2], as tf.nn.space_to_depth.
struct SpaceToDepth {
  int block = 2;
  bool operator==(const SpaceToDepth&) const = default;
};

// Input: routing weights [E]. The per-example kernel sum over e of routing[e] * experts[e, :], reshaped to
// `kernel_shape` ([kh, kw, cin, cout], or [kh, kw, c, 1] for depthwise). experts: [E, product of kernel_shape].
struct MixExperts {
  Shape kernel_shape;
  ParameterRef experts;
  bool operator==(const MixExperts&) const = default;
};

struct Softmax {
  bool operator==(const Softmax&) const = default;
};

using Operator =
    std::variant<Input, Conv2D, DepthwiseConv2D, BatchNorm, Activation, Pool, GlobalPool, Dense, Flatten, Scale, Add,
                 Multiply, Weigh, Concat, Split, Pad, Dropout, DropPath, SpaceToDepth, MixExperts, Softmax>;

// For std::visit: one exhaustive set of lambdas a pass, in a .cc, with no catch-all.
template <typename... Lambdas>
struct Overloaded : Lambdas... {
  using Lambdas::operator()...;
};
template <typename... Lambdas>
Overloaded(Lambdas...) -> Overloaded<Lambdas...>;

}  // namespace netwright
