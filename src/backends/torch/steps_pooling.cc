#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/ones.h>

#include <limits>

#include "backends/torch/frame.h"
#include "backends/torch/geometry.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

at::Tensor pad_picture(const at::Tensor& input, const AxisPadding& rows, const AxisPadding& columns, double value) {
  if (rows.before + rows.after + columns.before + columns.after == 0) return input;
  return at::constant_pad_nd(input, {columns.before, columns.after, rows.before, rows.after}, value);
}

at::Tensor crop_picture(const at::Tensor& padded, const AxisPadding& rows, const AxisPadding& columns,
                        const Shape& shape) {
  return padded.narrow(2, rows.before, shape[0])
      .narrow(3, columns.before, shape[1])
      .contiguous(at::MemoryFormat::ChannelsLast);
}

// Pads as TensorFlow does, then pools without padding.
class PoolStep : public Step {
 public:
  PoolStep(const StepContext& context, const Pool& op)
      : plan_(context.plan),
        kind_(op.kind),
        input_shape_(context.input_node(0).shape),
        kernel_{op.window.kernel_h, op.window.kernel_w},
        stride_{op.window.stride_h, op.window.stride_w},
        rows_(axis_padding(op.window, input_shape_[0], kernel_[0], stride_[0])),
        columns_(axis_padding(op.window, input_shape_[1], kernel_[1], stride_[1])) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    if (kind_ == PoolKind::kMax) {
      const at::Tensor padded = pad_picture(input, rows_, columns_, -std::numeric_limits<double>::infinity());
      at::Tensor output;
      std::tie(output, indices_) = at::max_pool2d_with_indices(padded, kernel_, stride_, {0, 0}, {1, 1}, false);
      frame.set(plan_.output, output);
      return;
    }
    // Sums, then a division by how many real pixels each window holds.
    const at::Tensor sums =
        at::avg_pool2d(pad_picture(input, rows_, columns_, 0), kernel_, stride_, {0, 0}, false, true, 1);
    frame.set(plan_.output, sums * reciprocal_counts(input));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    at::Tensor padded;
    if (kind_ == PoolKind::kMax) {
      const at::Tensor values = pad_picture(input, rows_, columns_, -std::numeric_limits<double>::infinity());
      padded =
          at::max_pool2d_with_indices_backward(gradient, values, kernel_, stride_, {0, 0}, {1, 1}, false, indices_);
      indices_.reset();
    } else {
      padded = at::avg_pool2d_backward(gradient * reciprocal_counts(input), pad_picture(input, rows_, columns_, 0),
                                       kernel_, stride_, {0, 0}, false, true, 1);
    }
    frame.give(plan_.input_gradients[0], crop_picture(padded, rows_, columns_, input_shape_));
  }

 private:
  at::Tensor reciprocal_counts(const at::Tensor& like) const {
    const at::Tensor ones = at::ones({1, 1, input_shape_[0], input_shape_[1]}, like.options());
    return at::avg_pool2d(pad_picture(ones, rows_, columns_, 0), kernel_, stride_, {0, 0}, false, true, 1).reciprocal();
  }

  const StepPlan& plan_;
  PoolKind kind_;
  Shape input_shape_;
  std::array<int64_t, 2> kernel_;
  std::array<int64_t, 2> stride_;
  AxisPadding rows_;
  AxisPadding columns_;
  at::Tensor indices_;
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
