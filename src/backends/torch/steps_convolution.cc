#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/narrow.h>
#include <ATen/ops/zeros_like.h>

#include "backends/torch/frame.h"
#include "backends/torch/geometry.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

at::Tensor crop_output(const at::Tensor& full, const ConvolutionGeometry& geometry) {
  if (!geometry.is_cropped()) return full;
  return full.narrow(2, geometry.crop[0], geometry.output[0])
      .narrow(3, geometry.crop[1], geometry.output[1])
      .contiguous(at::MemoryFormat::ChannelsLast);
}

// The gradient of what was cropped away is zero.
at::Tensor uncrop_gradient(const at::Tensor& gradient, const ConvolutionGeometry& geometry) {
  if (!geometry.is_cropped()) return gradient;
  const int64_t bottom = geometry.full_output[0] - geometry.crop[0] - geometry.output[0];
  const int64_t right = geometry.full_output[1] - geometry.crop[1] - geometry.output[1];
  return at::constant_pad_nd(gradient, {geometry.crop[1], right, geometry.crop[0], bottom});
}

// A convolution whose kernel is a parameter; depthwise is the case of as many groups as channels.
class ConvolutionStep : public Step {
 public:
  ConvolutionStep(const StepContext& context, const Window& window, const ParameterRef& kernel,
                  const ParameterRef& bias, int64_t groups, bool depthwise)
      : plan_(context.plan),
        kernel_(kernel),
        bias_(bias),
        groups_(groups),
        depthwise_(depthwise),
        geometry_(convolution_geometry(window, context.input_node(0).shape[0], context.input_node(0).shape[1])) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    const at::Tensor full =
        at::convolution(input, frame.packed_kernel(kernel_, depthwise_), frame.vector_of(bias_, input.scalar_type()),
                        geometry_.stride, geometry_.padding, geometry_.dilation, false, {0, 0}, groups_);
    frame.set(plan_.output, crop_output(full, geometry_));
  }

  void backward(Frame& base, bool accumulate) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor gradient = uncrop_gradient(frame.at(plan_.output_gradient), geometry_);
    const std::vector<int64_t> bias_sizes = {gradient.size(1)};
    const auto [input_gradient, kernel_gradient, bias_gradient] =
        at::convolution_backward(gradient, frame.at(plan_.inputs[0]), frame.packed_kernel(kernel_, depthwise_),
                                 bias_ ? at::OptionalIntArrayRef(bias_sizes) : at::OptionalIntArrayRef(),
                                 geometry_.stride, geometry_.padding, geometry_.dilation, false, {0, 0}, groups_,
                                 {plan_.input_gradients[0].slot >= 0, true, static_cast<bool>(bias_)});
    frame.give(plan_.input_gradients[0], input_gradient);
    for (const ParameterGradient& parameter : plan_.parameter_gradients) {
      if (parameter.parameter == kernel_) {
        frame.write_kernel_gradient(parameter, kernel_gradient, depthwise_, accumulate);
      } else {
        frame.write_gradient(parameter, bias_gradient, accumulate);
      }
    }
  }

 private:
  const StepPlan& plan_;
  ParameterRef kernel_;
  ParameterRef bias_;
  int64_t groups_;
  bool depthwise_;
  ConvolutionGeometry geometry_;
};

// A convolution with one kernel an example, which MixExperts gives: example by example.
class PerExampleConvolutionStep : public Step {
 public:
  PerExampleConvolutionStep(const StepContext& context, const Window& window, bool depthwise)
      : plan_(context.plan),
        kernel_shape_(context.input_node(1).shape),
        depthwise_(depthwise),
        geometry_(convolution_geometry(window, context.input_node(0).shape[0], context.input_node(0).shape[1])) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    const at::Tensor& kernels = frame.at(plan_.inputs[1]);
    std::vector<at::Tensor> outputs;
    for (int64_t i = 0; i < input.size(0); ++i) {
      const at::Tensor example = input.narrow(0, i, 1);
      outputs.push_back(
          crop_output(at::convolution(example, kernel(kernels, i), {}, geometry_.stride, geometry_.padding,
                                      geometry_.dilation, false, {0, 0}, groups(example)),
                      geometry_));
    }
    frame.set(plan_.output, at::cat(outputs).contiguous(at::MemoryFormat::ChannelsLast));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    const at::Tensor& kernels = frame.at(plan_.inputs[1]);
    const at::Tensor gradient = uncrop_gradient(frame.at(plan_.output_gradient), geometry_);
    std::vector<at::Tensor> inputs;
    std::vector<at::Tensor> kernel_gradients;
    for (int64_t i = 0; i < input.size(0); ++i) {
      const at::Tensor example = input.narrow(0, i, 1);
      const auto [of_input, of_kernel, of_bias] = at::convolution_backward(
          gradient.narrow(0, i, 1), example, kernel(kernels, i), at::OptionalIntArrayRef(), geometry_.stride,
          geometry_.padding, geometry_.dilation, false, {0, 0}, groups(example), {true, true, false});
      inputs.push_back(of_input);
      const at::Tensor tensorflow =
          depthwise_ ? of_kernel.reshape({kernel_shape_[2], kernel_shape_[3], kernel_shape_[0], kernel_shape_[1]})
                           .permute({2, 3, 0, 1})
                     : of_kernel.permute({2, 3, 1, 0});
      kernel_gradients.push_back(tensorflow.reshape({1, -1}));
    }
    frame.give(plan_.input_gradients[0], at::cat(inputs).contiguous(at::MemoryFormat::ChannelsLast));
    frame.give(plan_.input_gradients[1], at::cat(kernel_gradients));
  }

 private:
  at::Tensor kernel(const at::Tensor& kernels, int64_t example) const {
    const at::Tensor one = kernels.select(0, example).view(kernel_shape_);
    return (depthwise_ ? one.permute({2, 3, 0, 1}).reshape({-1, 1, kernel_shape_[0], kernel_shape_[1]})
                       : one.permute({3, 2, 0, 1}))
        .contiguous(at::MemoryFormat::ChannelsLast);
  }
  int64_t groups(const at::Tensor& example) const { return depthwise_ ? example.size(1) : 1; }

  const StepPlan& plan_;
  Shape kernel_shape_;
  bool depthwise_;
  ConvolutionGeometry geometry_;
};

}  // namespace

std::unique_ptr<Step> make_step_of(const StepContext& context, const Conv2D& op) {
  if (!op.kernel) return std::make_unique<PerExampleConvolutionStep>(context, op.window, false);
  return std::make_unique<ConvolutionStep>(context, op.window, op.kernel, op.bias, op.groups, false);
}

std::unique_ptr<Step> make_step_of(const StepContext& context, const DepthwiseConv2D& op) {
  if (!op.kernel) return std::make_unique<PerExampleConvolutionStep>(context, op.window, true);
  const int64_t channels = context.input_node(0).shape[2];
  return std::make_unique<ConvolutionStep>(context, op.window, op.kernel, op.bias, channels, true);
}

}  // namespace netwright::torch_backend
