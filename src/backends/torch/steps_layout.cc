#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/zeros_like.h>

#include "backends/torch/frame.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

at::Tensor packed(const at::Tensor& tensor) {
  return tensor.dim() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor.contiguous();
}

class ConcatStep : public Step {
 public:
  explicit ConcatStep(const StepContext& context) : plan_(context.plan) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    std::vector<at::Tensor> parts;
    for (const int input : plan_.inputs) parts.push_back(frame.at(input));
    frame.set(plan_.output, packed(at::cat(parts, 1)));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor gradient = frame.at(plan_.output_gradient);
    int64_t begin = 0;
    for (size_t k = 0; k < plan_.inputs.size(); ++k) {
      const int64_t channels = frame.slot(plan_.inputs[k]).shape.back();
      const at::Tensor part = gradient.narrow(1, begin, channels);
      const InputGradient& wanted = plan_.input_gradients[k];
      frame.give(wanted, wanted.write == GradientWrite::kSet ? packed(part) : part);
      begin += channels;
    }
  }

 private:
  const StepPlan& plan_;
};

// The bytes of a channels-last picture are the vector's already.
class FlattenStep : public Step {
 public:
  explicit FlattenStep(const StepContext& context) : plan_(context.plan), input_shape_(context.input_node(0).shape) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor flat = frame.at(plan_.inputs[0]).permute({0, 2, 3, 1}).flatten(1);
    frame.set(plan_.output, plan_.overwrites == 0 ? flat : flat.clone());
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    frame.give(
        plan_.input_gradients[0],
        gradient.view({gradient.size(0), input_shape_[0], input_shape_[1], input_shape_[2]}).permute({0, 3, 1, 2}));
  }

 private:
  const StepPlan& plan_;
  Shape input_shape_;
};

class SplitStep : public Step {
 public:
  SplitStep(const StepContext& context, const Split& op)
      : plan_(context.plan), op_(op), input_channels_(context.input_node(0).shape.back()) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    frame.set(plan_.output, packed(frame.at(plan_.inputs[0]).narrow(1, op_.begin, op_.size)));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const InputGradient& wanted = plan_.input_gradients[0];
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    if (wanted.write == GradientWrite::kAdd && frame.is_only_user(wanted.slot)) {
      frame.at(wanted.slot).narrow(1, op_.begin, op_.size).add_(gradient);
      return;
    }
    const int64_t behind = input_channels_ - op_.begin - op_.size;
    const std::vector<int64_t> padding = gradient.dim() == 4 ? std::vector<int64_t>{0, 0, 0, 0, op_.begin, behind}
                                                             : std::vector<int64_t>{op_.begin, behind};
    frame.give(wanted, packed(at::constant_pad_nd(gradient, padding)));
  }

 private:
  const StepPlan& plan_;
  Split op_;
  int64_t input_channels_;
};

class PadStep : public Step {
 public:
  PadStep(const StepContext& context, const Pad& op) : plan_(context.plan), op_(op) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    frame.set(plan_.output, packed(at::constant_pad_nd(input, {op_.left, op_.right, op_.top, op_.bottom})));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    frame.give(plan_.input_gradients[0],
               packed(at::constant_pad_nd(gradient, {-op_.left, -op_.right, -op_.top, -op_.bottom})));
  }

 private:
  const StepPlan& plan_;
  Pad op_;
};

// TensorFlow's order: the block's pixels are the outer part of the new channels.
class SpaceToDepthStep : public Step {
 public:
  SpaceToDepthStep(const StepContext& context, const SpaceToDepth& op)
      : plan_(context.plan), block_(op.block), input_shape_(context.input_node(0).shape) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    const int64_t n = input.size(0);
    const at::Tensor blocks = input.permute({0, 2, 3, 1})
                                  .reshape({n, rows(), block_, columns(), block_, input_shape_[2]})
                                  .permute({0, 1, 3, 2, 4, 5});
    frame.set(plan_.output,
              packed(blocks.reshape({n, rows(), columns(), block_ * block_ * input_shape_[2]}).permute({0, 3, 1, 2})));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    const int64_t n = gradient.size(0);
    const at::Tensor blocks = gradient.permute({0, 2, 3, 1})
                                  .reshape({n, rows(), columns(), block_, block_, input_shape_[2]})
                                  .permute({0, 1, 3, 2, 4, 5});
    frame.give(plan_.input_gradients[0],
               packed(blocks.reshape({n, input_shape_[0], input_shape_[1], input_shape_[2]}).permute({0, 3, 1, 2})));
  }

 private:
  int64_t rows() const { return input_shape_[0] / block_; }
  int64_t columns() const { return input_shape_[1] / block_; }

  const StepPlan& plan_;
  int64_t block_;
  Shape input_shape_;
};

}  // namespace

std::unique_ptr<Step> make_step_of(const StepContext& context, const Concat& /*op*/) {
  return std::make_unique<ConcatStep>(context);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Flatten& /*op*/) {
  return std::make_unique<FlattenStep>(context);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Split& op) {
  return std::make_unique<SplitStep>(context, op);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Pad& op) {
  return std::make_unique<PadStep>(context, op);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const SpaceToDepth& op) {
  return std::make_unique<SpaceToDepthStep>(context, op);
}

}  // namespace netwright::torch_backend
