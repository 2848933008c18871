// The layers that the families share: an operator together with its variables, their names and how they begin.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/builder.h"

namespace netwright {

// A family's batch norm. `kind` is the layer's name, e.g. "tpu_batch_normalization".
struct BatchNormStyle {
  std::string_view kind;
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool unbiased_moving_variance = false;
  BatchNormCombine combine = BatchNormCombine::kNone;
};

// Square kernel. Kernels begin as a normal of deviation sqrt(2 / (k * k * filters)), biases at 0 (specs
// efficientnet 4.1, mnasnet 4).
struct ConvStyle {
  int kernel = 1;
  int stride_h = 1;
  int stride_w = 1;
  int64_t filters = 0;
  bool bias = false;
  int dilation = 1;
  Padding padding = Padding::kSame;
};

// The variables are `name`/kernel and `name`/bias; `name` is whole, with its scopes.
NodeId add_conv(GraphBuilder& builder, NodeId input, const ConvStyle& style, const std::string& name);

// `name`/depthwise_kernel, a normal of deviation sqrt(2 / k^2). `style.filters` and `style.bias` play no part.
NodeId add_depthwise(GraphBuilder& builder, NodeId input, const ConvStyle& style, const std::string& name);

// Widths of the `parts` that `channels` are cut into: equal ones, what is left over goes to the first (spec
// mnasnet 2.5).
std::vector<int64_t> part_widths(int64_t channels, size_t parts);

// One layer after another side by side: the channels of the input and `style.filters` are cut into as many parts as
// there are names; part i has the kernel size kernels[i] and is named names[i]. `dilated`: 3 x 3 kernels that reach as
// far as those sizes. Throws Error when there are more parts than channels.
struct MixedStyle {
  ConvStyle conv;  // its kernel and dilation play no part
  std::span<const int> kernels;
  std::span<const std::string> names;
  bool depthwise = false;
  bool dilated = false;
};
NodeId add_mixed(GraphBuilder& builder, NodeId input, const MixedStyle& style);

// Convolutions of one kernel an example: the experts in `expert_name` ([experts, kernel elements], each expert drawn as
// the plain kernel would be) mixed by `routing`.
NodeId add_conv_of_experts(GraphBuilder& builder, NodeId input, NodeId routing, const ConvStyle& style,
                           const std::string& expert_name);
NodeId add_depthwise_of_experts(GraphBuilder& builder, NodeId input, NodeId routing, const ConvStyle& style,
                                const std::string& expert_name);

// gamma 1, beta 0, moving mean 0, moving variance 1, named by the present scope and `style.kind`, numbered there.
NodeId add_batch_norm(GraphBuilder& builder, NodeId input, const BatchNormStyle& style);

NodeId add_activation(GraphBuilder& builder, NodeId input, ActivationKind kind);

// The kernel begins as a uniform in [-limit, limit), the bias at 0.
NodeId add_dense(GraphBuilder& builder, NodeId input, int64_t units, double limit, const std::string& name);

// Names of the two 1 x 1 convolutions, width between them, activation between them.
struct SqueezeExciteStyle {
  std::string reduce_name;
  std::string expand_name;
  int64_t squeezed = 1;
  int64_t expanded = 1;
  ActivationKind activation = ActivationKind::kRelu;
};
// mean over height and width -> conv -> activation -> conv -> sigmoid -> times the input.
NodeId add_squeeze_excite(GraphBuilder& builder, NodeId input, const SqueezeExciteStyle& style);

// The L2 factor of a trainable variable: both originals leave out exactly the names with "batch_normalization".
double l2_of(std::string_view name);

}  // namespace netwright
