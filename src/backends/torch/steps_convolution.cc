#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/narrow.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/zeros_like.h>

#include "backends/torch/frame.h"
#include "backends/torch/geometry.h"
#include "backends/torch/steps.h"
#include "kernels/depthwise_gradient.h"

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

DepthwiseShape depthwise_shape(const Window& window, const at::Tensor& input, const at::Tensor& output) {
  return {.batch = input.size(0),
          .channels = input.size(1),
          .input_height = input.size(2),
          .input_width = input.size(3),
          .output_height = output.size(2),
          .output_width = output.size(3),
          .kernel_height = window.kernel_h,
          .kernel_width = window.kernel_w,
          .stride_height = window.stride_h,
          .stride_width = window.stride_w,
          .dilation = window.dilation,
          .pad_top = axis_padding(window, input.size(2), window.kernel_h, window.stride_h).before,
          .pad_left = axis_padding(window, input.size(3), window.kernel_w, window.stride_w).before};
}

// [kh, kw, channels, 1], on a CPU.
template <typename Value>
at::Tensor depthwise_kernel_gradient(const DepthwiseShape& shape, const at::Tensor& input, const at::Tensor& output) {
  const DepthwiseKernelGradient gradient(shape);
  const at::Tensor partial = at::empty({gradient.partial_size()}, at::kFloat);
  at::Tensor sum = at::empty({shape.kernel_height, shape.kernel_width, shape.channels, 1}, at::kFloat);
  const auto* input_values = static_cast<const Value*>(input.const_data_ptr());
  const auto* output_values = static_cast<const Value*>(output.const_data_ptr());
  auto* partial_values = partial.mutable_data_ptr<float>();
  at::parallel_for(0, gradient.tasks(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) gradient.run_task(task, input_values, output_values, partial_values);
  });
  at::parallel_for(0, gradient.blocks(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      gradient.finish_block(block, partial_values, sum.mutable_data_ptr<float>());
  });
  return sum;
}

at::Tensor depthwise_kernel_gradient(const Window& window, const at::Tensor& input, const at::Tensor& output_gradient) {
  const at::Tensor pixels = input.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor gradient = output_gradient.contiguous(at::MemoryFormat::ChannelsLast);
  const DepthwiseShape shape = depthwise_shape(window, pixels, gradient);
  return pixels.scalar_type() == at::kBFloat16 ? depthwise_kernel_gradient<uint16_t>(shape, pixels, gradient)
                                               : depthwise_kernel_gradient<float>(shape, pixels, gradient);
}

// A convolution whose kernel is a parameter; depthwise is the case of as many groups as channels.
class ConvolutionStep : public Step {
 public:
  ConvolutionStep(const StepContext& context, const Window& window, const ParameterRef& kernel,
                  const ParameterRef& bias, int64_t groups, bool depthwise)
      : plan_(context.plan),
        batch_norm_(context.plan.batch_norm < 0 ? nullptr
                                                : &std::get<BatchNorm>(context.graph.node(context.plan.batch_norm).op)),
        window_(window),
        kernel_(kernel),
        bias_(bias),
        groups_(groups),
        depthwise_(depthwise),
        geometry_(convolution_geometry(window, context.input_node(0).shape[0], context.input_node(0).shape[1])) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    if (batch_norm_ != nullptr) fold(frame);
    const at::Tensor full =
        at::convolution(input, batch_norm_ != nullptr ? folded_.kernel : frame.packed_kernel(kernel_, depthwise_),
                        batch_norm_ != nullptr ? folded_.bias : frame.vector_of(bias_, input.scalar_type()),
                        geometry_.stride, geometry_.padding, geometry_.dilation, false, {0, 0}, groups_);
    frame.set(plan_.output, crop_output(full, geometry_));
  }

  void backward(Frame& base, bool accumulate) override {
    TorchFrame& frame = torch_frame(base);
    // Our own knows one output channel an input channel.
    const bool own_kernel_gradient =
        depthwise_ && kernel_.extent[3] == 1 && frame.device().is_cpu() && frame.type() != at::kDouble;
    auto [input_gradient, kernel_gradient, bias_gradient] = gradients(frame, !own_kernel_gradient);
    for (const ParameterGradient& parameter : plan_.parameter_gradients) {
      if (!(parameter.parameter == kernel_)) {
        frame.write_gradient(parameter, bias_gradient, accumulate);
      } else if (own_kernel_gradient) {
        const at::Tensor& output_gradient = frame.at(plan_.output_gradient);
        frame.write_gradient(parameter, depthwise_kernel_gradient(window_, frame.at(plan_.inputs[0]), output_gradient),
                             accumulate);
      } else {
        frame.write_kernel_gradient(parameter, kernel_gradient, depthwise_, accumulate);
      }
    }
    frame.give(plan_.input_gradients[0], std::move(input_gradient));
  }

 private:
  // The convolution and the batch norm behind it as one convolution, packed once per version of the values.
  struct Folded {
    at::Tensor kernel;
    at::Tensor bias;
    std::pair<uint64_t, uint64_t> version;
  };

  // gamma (conv(x) + bias - mean) / sqrt(variance + epsilon) + beta. Kernel and bias are rounded after the product.
  void fold(TorchFrame& frame) {
    if (folded_.version == frame.version()) return;
    at::Tensor scale = (frame.value_of(batch_norm_->moving_variance) + batch_norm_->epsilon).rsqrt();
    if (batch_norm_->gamma) scale = scale * frame.value_of(batch_norm_->gamma);
    at::Tensor shift = -frame.value_of(batch_norm_->moving_mean);
    if (bias_) shift = shift + frame.value_of(bias_);
    shift = shift * scale;
    if (batch_norm_->beta) shift = shift + frame.value_of(batch_norm_->beta);
    // The last axes of TensorFlow's kernels count the output's channels: one axis, or channels and multiplier.
    const at::Tensor kernel = frame.value_of(kernel_);
    const at::Tensor by_channel = depthwise_ ? scale.view({kernel.size(2), kernel.size(3)}) : scale;
    frame.pack(kernel * by_channel, depthwise_, folded_.kernel);
    folded_.bias = shift.to(frame.type());
    folded_.version = frame.version();
  }

  // libtorch's gradients of input, kernel (if wanted) and bias.
  std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients(TorchFrame& frame, bool of_kernel) {
    at::Tensor gradient = uncrop_gradient(frame.at(plan_.output_gradient), geometry_);
    at::Tensor input = frame.at(plan_.inputs[0]);
    at::Tensor kernel = frame.packed_kernel(kernel_, depthwise_);
    // A depthwise input gradient in bfloat16 takes oneDNN up to 70 times as long as in float32.
    const bool widen = depthwise_ && frame.device().is_cpu() && frame.type() == at::kBFloat16;
    if (widen) {
      gradient = gradient.to(at::kFloat);
      input = input.to(at::kFloat);
      kernel = kernel.to(at::kFloat);
    }
    const std::vector<int64_t> bias_sizes = {gradient.size(1)};
    auto result = at::convolution_backward(
        gradient, input, kernel, bias_ ? at::OptionalIntArrayRef(bias_sizes) : at::OptionalIntArrayRef(),
        geometry_.stride, geometry_.padding, geometry_.dilation, false, {0, 0}, groups_,
        {plan_.input_gradients[0].slot >= 0, of_kernel, static_cast<bool>(bias_)});
    if (widen && std::get<0>(result).defined()) std::get<0>(result) = std::get<0>(result).to(at::kBFloat16);
    return result;
  }

  const StepPlan& plan_;
  const BatchNorm* batch_norm_;  // null: none is folded
  Window window_;
  ParameterRef kernel_;
  ParameterRef bias_;
  int64_t groups_;
  bool depthwise_;
  ConvolutionGeometry geometry_;
  Folded folded_;
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
