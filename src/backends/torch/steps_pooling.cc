#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/ones.h>

#include <limits>

#include "backends/torch/frame.h"
#include "backends/torch/geometry.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

// How a window slides over a picture: libtorch's pooling, which pads both sides alike and leaves padding out, after
// `extra` rows and columns of our own behind the picture where that can't give TensorFlow's positions.
class PoolStep : public Step {
 public:
  PoolStep(const StepContext& context, const Pool& op)
      : plan_(context.plan),
        kind_(op.kind),
        input_shape_(context.input_node(0).shape),
        geometry_(pool_geometry(op.window, input_shape_[0], input_shape_[1])) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    if (kind_ == PoolKind::kAverage) {
      frame.set(plan_.output, average(input));
      return;
    }
    const at::Tensor picture =
        pad(kind_ == PoolKind::kMin ? input.neg() : input, -std::numeric_limits<double>::infinity());
    auto [output, indices] = at::max_pool2d_with_indices(picture, geometry_.kernel, geometry_.stride, geometry_.padding,
                                                         {1, 1}, geometry_.ceil_mode);
    if (kind_ == PoolKind::kMin) output.neg_();
    frame.set(plan_.output, output);
    if (plan_.output_gradient >= 0) indices_ = indices.to(at::kInt);
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    at::Tensor result = at::empty(
        {gradient.size(0), input_shape_[2], input_shape_[0] + geometry_.extra[0], input_shape_[1] + geometry_.extra[1]},
        gradient.options(), at::MemoryFormat::ChannelsLast);
    // Of the input libtorch's backward takes only the shape.
    if (kind_ == PoolKind::kAverage) {
      at::avg_pool2d_backward_out(result, is_extended() ? gradient * reciprocal_counts(gradient) : gradient, result,
                                  geometry_.kernel, geometry_.stride, geometry_.padding, geometry_.ceil_mode,
                                  is_extended(), divisor());
    } else {
      at::max_pool2d_with_indices_backward_out(result, gradient, result, geometry_.kernel, geometry_.stride,
                                               geometry_.padding, {1, 1}, geometry_.ceil_mode, indices_.to(at::kLong));
      indices_.reset();
    }
    frame.give(plan_.input_gradients[0], crop(result));
  }

 private:
  bool is_extended() const { return geometry_.is_extended(); }
  std::optional<int64_t> divisor() const { return is_extended() ? std::optional<int64_t>(1) : std::nullopt; }

  at::Tensor pad(const at::Tensor& picture, double value) const {
    if (!is_extended()) return picture;
    return at::constant_pad_nd(picture, {0, geometry_.extra[1], 0, geometry_.extra[0]}, value);
  }
  at::Tensor crop(const at::Tensor& picture) const {
    if (!is_extended()) return picture;
    return picture.narrow(2, 0, input_shape_[0])
        .narrow(3, 0, input_shape_[1])
        .contiguous(at::MemoryFormat::ChannelsLast);
  }

  at::Tensor pooled(const at::Tensor& picture) const {
    return at::avg_pool2d(picture, geometry_.kernel, geometry_.stride, geometry_.padding, geometry_.ceil_mode,
                          is_extended(), divisor());
  }
  // Where we pad: sums, times one over how many real values each window holds.
  at::Tensor average(const at::Tensor& input) const {
    if (!is_extended()) return pooled(input);
    return pooled(pad(input, 0)) * reciprocal_counts(input);
  }
  at::Tensor reciprocal_counts(const at::Tensor& like) const {
    const at::Tensor ones = at::ones({1, 1, input_shape_[0], input_shape_[1]}, like.options());
    return pooled(pad(ones, 0)).reciprocal();
  }

  const StepPlan& plan_;
  PoolKind kind_;
  Shape input_shape_;
  PoolGeometry geometry_;
  at::Tensor indices_;  // of each output's value in the picture; half as large as libtorch's
};

class GlobalPoolStep : public Step {
 public:
  GlobalPoolStep(const StepContext& context, const GlobalPool& op)
      : plan_(context.plan), keep_dimensions_(op.keep_dimensions), input_shape_(context.input_node(0).shape) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    frame.set(plan_.output, at::mean(frame.at(plan_.inputs[0]), {2, 3}, keep_dimensions_));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const InputGradient& wanted = plan_.input_gradients[0];
    at::Tensor gradient = frame.at(plan_.output_gradient) / static_cast<double>(input_shape_[0] * input_shape_[1]);
    gradient = gradient.view({gradient.size(0), input_shape_[2], 1, 1})
                   .expand({gradient.size(0), input_shape_[2], input_shape_[0], input_shape_[1]});
    // An addition broadcasts by itself; only a first gradient has to be written out.
    frame.give(wanted,
               wanted.write == GradientWrite::kSet ? gradient.contiguous(at::MemoryFormat::ChannelsLast) : gradient);
  }

 private:
  const StepPlan& plan_;
  bool keep_dimensions_;
  Shape input_shape_;
};

}  // namespace

std::unique_ptr<Step> make_step_of(const StepContext& context, const Pool& op) {
  return std::make_unique<PoolStep>(context, op);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const GlobalPool& op) {
  return std::make_unique<GlobalPoolStep>(context, op);
}

}  // namespace netwright::torch_backend
