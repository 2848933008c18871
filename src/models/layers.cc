#include "models/layers.h"

#include <cmath>

namespace netwright {
namespace {

constexpr Initializer kZeros = {Initializer::Kind::kZeros, 0.0};
constexpr Initializer kOnes = {Initializer::Kind::kOnes, 0.0};

Initializer normal_of(const Shape& kernel) {
  const auto fan_out = static_cast<double>(kernel[0] * kernel[1] * kernel[3]);
  return {Initializer::Kind::kNormal, std::sqrt(2.0 / fan_out)};
}

ParameterRef add_trainable(GraphBuilder& builder, std::string name, Shape shape, ParameterRole role,
                           Initializer initializer) {
  const double l2 = l2_of(name);
  return builder.parameter({std::move(name), std::move(shape), role, initializer, l2});
}

Window window_of(const ConvStyle& style) {
  return {.kernel_h = style.kernel,
          .kernel_w = style.kernel,
          .stride_h = style.stride_h,
          .stride_w = style.stride_w,
          .dilation = style.dilation,
          .padding = style.padding};
}

int64_t channels(const GraphBuilder& builder, NodeId input) { return builder.shape(input).back(); }

Shape conv_kernel(const GraphBuilder& builder, NodeId input, const ConvStyle& style) {
  return {style.kernel, style.kernel, channels(builder, input), style.filters};
}

Shape depthwise_kernel(const GraphBuilder& builder, NodeId input, const ConvStyle& style) {
  return {style.kernel, style.kernel, channels(builder, input), 1};
}

NodeId add_mix(GraphBuilder& builder, NodeId routing, const Shape& kernel, const std::string& expert_name) {
  const Shape experts = {channels(builder, routing), element_count(kernel)};
  const ParameterRef ref =
      add_trainable(builder, expert_name, experts, ParameterRole::kExpertKernels, normal_of(kernel));
  return builder.add(MixExperts{kernel, ref}, {routing});
}

}  // namespace

double l2_of(std::string_view name) { return name.find("batch_normalization") == std::string_view::npos ? 1.0 : 0.0; }

NodeId add_conv(GraphBuilder& builder, NodeId input, const ConvStyle& style, const std::string& name) {
  const Shape kernel = conv_kernel(builder, input, style);
  Conv2D conv = {.window = window_of(style), .filters = style.filters};
  conv.kernel = add_trainable(builder, name + "/kernel", kernel, ParameterRole::kKernel, normal_of(kernel));
  if (style.bias) {
    conv.bias = add_trainable(builder, name + "/bias", {style.filters}, ParameterRole::kBias, kZeros);
  }
  return builder.add(conv, {input});
}

NodeId add_depthwise(GraphBuilder& builder, NodeId input, const ConvStyle& style, const std::string& name) {
  const Shape kernel = depthwise_kernel(builder, input, style);
  DepthwiseConv2D conv = {.window = window_of(style)};
  conv.kernel =
      add_trainable(builder, name + "/depthwise_kernel", kernel, ParameterRole::kDepthwiseKernel, normal_of(kernel));
  return builder.add(conv, {input});
}

std::vector<int64_t> part_widths(int64_t channels, size_t parts) {
  const auto count = static_cast<int64_t>(parts);
  std::vector<int64_t> widths(parts, channels / count);
  widths.front() += channels % count;
  return widths;
}

NodeId add_mixed(GraphBuilder& builder, NodeId input, const MixedStyle& style) {
  const std::vector<int64_t> inputs = part_widths(channels(builder, input), style.kernels.size());
  const std::vector<int64_t> outputs = part_widths(style.conv.filters, style.kernels.size());
  std::vector<NodeId> parts;
  int64_t begin = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    ConvStyle conv = style.conv;
    conv.filters = outputs[i];
    conv.kernel = style.dilated ? 3 : style.kernels[i];
    if (style.dilated) conv.dilation = (style.kernels[i] - 1) / 2;
    const NodeId part = inputs.size() == 1 ? input : builder.add(Split{begin, inputs[i]}, {input});
    parts.push_back(style.depthwise ? add_depthwise(builder, part, conv, style.names[i])
                                    : add_conv(builder, part, conv, style.names[i]));
    begin += inputs[i];
  }
  return parts.size() == 1 ? parts.front() : builder.add(Concat{}, parts);
}

NodeId add_conv_of_experts(GraphBuilder& builder, NodeId input, NodeId routing, const ConvStyle& style,
                           const std::string& expert_name) {
  const NodeId mixed = add_mix(builder, routing, conv_kernel(builder, input, style), expert_name);
  return builder.add(Conv2D{.window = window_of(style), .filters = style.filters}, {input, mixed});
}

NodeId add_depthwise_of_experts(GraphBuilder& builder, NodeId input, NodeId routing, const ConvStyle& style,
                                const std::string& expert_name) {
  const NodeId mixed = add_mix(builder, routing, depthwise_kernel(builder, input, style), expert_name);
  return builder.add(DepthwiseConv2D{.window = window_of(style)}, {input, mixed});
}

NodeId add_batch_norm(GraphBuilder& builder, NodeId input, const BatchNormStyle& style) {
  const Shape shape = {channels(builder, input)};
  const std::string name = builder.unique_name(style.kind);
  BatchNorm norm = {.momentum = style.momentum,
                    .epsilon = style.epsilon,
                    .unbiased_moving_variance = style.unbiased_moving_variance,
                    .combine = style.combine};
  norm.gamma = add_trainable(builder, name + "/gamma", shape, ParameterRole::kGamma, kOnes);
  norm.beta = add_trainable(builder, name + "/beta", shape, ParameterRole::kBeta, kZeros);
  norm.moving_mean = builder.parameter({name + "/moving_mean", shape, ParameterRole::kMovingMean, kZeros, 0.0});
  norm.moving_variance =
      builder.parameter({name + "/moving_variance", shape, ParameterRole::kMovingVariance, kOnes, 0.0});
  return builder.add(norm, {input});
}

NodeId add_activation(GraphBuilder& builder, NodeId input, ActivationKind kind) {
  return builder.add(Activation{kind}, {input});
}

NodeId add_dense(GraphBuilder& builder, NodeId input, int64_t units, double limit, const std::string& name) {
  Dense dense = {.units = units};
  dense.kernel = add_trainable(builder, name + "/kernel", {channels(builder, input), units},
                               ParameterRole::kDenseKernel, {Initializer::Kind::kUniform, limit});
  dense.bias = add_trainable(builder, name + "/bias", {units}, ParameterRole::kBias, kZeros);
  return builder.add(dense, {input});
}

NodeId add_squeeze_excite(GraphBuilder& builder, NodeId input, const SqueezeExciteStyle& style) {
  NodeId gate = builder.add(GlobalPool{.keep_dimensions = true}, {input});
  gate = add_conv(builder, gate, {.filters = style.squeezed, .bias = true}, style.reduce_name);
  gate = add_activation(builder, gate, style.activation);
  gate = add_conv(builder, gate, {.filters = style.expanded, .bias = true}, style.expand_name);
  gate = add_activation(builder, gate, ActivationKind::kSigmoid);
  return builder.add(Multiply{}, {input, gate});
}

}  // namespace netwright
