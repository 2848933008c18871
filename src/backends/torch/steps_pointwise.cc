#include <ATen/ops/elu.h>
#include <ATen/ops/elu_backward.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardsigmoid_backward.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/hardswish_backward.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/hardtanh_backward.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/leaky_relu_backward.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sigmoid_backward.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/threshold_backward.h>

#include "backends/torch/frame.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

constexpr double kLeakySlope = 0.2;

at::Tensor activate(ActivationKind kind, const at::Tensor& x) {
  switch (kind) {
    case ActivationKind::kRelu:
      return at::relu(x);
    case ActivationKind::kRelu6:
      return at::hardtanh(x, 0, 6);
    case ActivationKind::kSwish:
      return at::silu(x);
    case ActivationKind::kSigmoid:
      return at::sigmoid(x);
    case ActivationKind::kHardSwish:
      return at::hardswish(x);
    case ActivationKind::kHardSigmoid:
      return at::hardsigmoid(x);
    case ActivationKind::kTanh:
      return at::tanh(x);
    case ActivationKind::kElu:
      return at::elu(x);
    case ActivationKind::kLeakyRelu:
      return at::leaky_relu(x, kLeakySlope);
  }
  return x;
}

// Over `x` itself; for the kinds whose backward needs the output only.
void activate_in_place(ActivationKind kind, at::Tensor& x) {
  switch (kind) {
    case ActivationKind::kRelu:
      at::relu_(x);
      return;
    case ActivationKind::kRelu6:
      at::hardtanh_(x, 0, 6);
      return;
    case ActivationKind::kSigmoid:
      at::sigmoid_(x);
      return;
    case ActivationKind::kTanh:
      at::tanh_(x);
      return;
    case ActivationKind::kSwish:
      at::silu_(x);
      return;
    case ActivationKind::kHardSwish:
      at::hardswish_(x);
      return;
    case ActivationKind::kHardSigmoid:
      at::hardsigmoid_(x);
      return;
    case ActivationKind::kElu:
      at::elu_(x);
      return;
    case ActivationKind::kLeakyRelu:
      at::leaky_relu_(x, kLeakySlope);
      return;
  }
}

// `kept` is the output where the kind's backward needs that, else the input.
at::Tensor activation_gradient(ActivationKind kind, const at::Tensor& gradient, const at::Tensor& kept) {
  switch (kind) {
    case ActivationKind::kRelu:
      return at::threshold_backward(gradient, kept, 0);
    case ActivationKind::kRelu6:
      return at::hardtanh_backward(gradient, kept, 0, 6);
    case ActivationKind::kSwish:
      return at::silu_backward(gradient, kept);
    case ActivationKind::kSigmoid:
      return at::sigmoid_backward(gradient, kept);
    case ActivationKind::kHardSwish:
      return at::hardswish_backward(gradient, kept);
    case ActivationKind::kHardSigmoid:
      return at::hardsigmoid_backward(gradient, kept);
    case ActivationKind::kTanh:
      return at::tanh_backward(gradient, kept);
    case ActivationKind::kElu:
      return at::elu_backward(gradient, 1, 1, 1, /*is_result=*/true, kept);
    case ActivationKind::kLeakyRelu:
      return at::leaky_relu_backward(gradient, kept, kLeakySlope, /*self_is_result=*/true);
  }
  return gradient;
}

// The same, over the gradient's own storage.
void activation_gradient_in_place(ActivationKind kind, at::Tensor& gradient, const at::Tensor& kept) {
  switch (kind) {
    case ActivationKind::kRelu:
      at::threshold_backward_out(gradient, gradient, kept, 0);
      return;
    case ActivationKind::kRelu6:
      at::hardtanh_backward_out(gradient, gradient, kept, 0, 6);
      return;
    case ActivationKind::kSwish:
      at::silu_backward_out(gradient, gradient, kept);
      return;
    case ActivationKind::kSigmoid:
      at::sigmoid_backward_out(gradient, gradient, kept);
      return;
    case ActivationKind::kTanh:
      at::tanh_backward_out(gradient, gradient, kept);
      return;
    case ActivationKind::kElu:
      at::elu_backward_out(gradient, gradient, 1, 1, 1, /*is_result=*/true, kept);
      return;
    case ActivationKind::kLeakyRelu:
      at::leaky_relu_backward_out(gradient, gradient, kept, kLeakySlope, /*self_is_result=*/true);
      return;
    case ActivationKind::kHardSwish:
    case ActivationKind::kHardSigmoid:
      gradient.copy_(activation_gradient(kind, gradient, kept));
      return;
  }
}

class ActivationStep : public Step {
 public:
  ActivationStep(const StepContext& context, ActivationKind kind) : plan_(context.plan), kind_(kind) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    at::Tensor input = frame.at(plan_.inputs[0]);
    if (plan_.overwrites == 0) {
      activate_in_place(kind_, input);
      frame.set(plan_.output, input);
    } else {
      frame.set(plan_.output, activate(kind_, input));
    }
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& kept = frame.at(plan_.traits.keeps_output ? plan_.output : plan_.inputs[0]);
    const InputGradient& wanted = plan_.input_gradients[0];
    const bool in_place = wanted.write == GradientWrite::kSet && frame.is_only_user(plan_.output_gradient);
    at::Tensor gradient = frame.at(plan_.output_gradient);
    if (in_place) {
      activation_gradient_in_place(kind_, gradient, kept);
      frame.give(wanted, gradient);
    } else {
      frame.give(wanted, activation_gradient(kind_, gradient, kept));
    }
  }

 private:
  const StepPlan& plan_;
  ActivationKind kind_;
};

class ScaleStep : public Step {
 public:
  ScaleStep(const StepContext& context, const Scale& op) : plan_(context.plan), scale_(op.scale) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    frame.set(plan_.output, at::mul(input, frame.vector_of(scale_, input.scalar_type())));
  }

  void backward(Frame& base, bool accumulate) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    for (const ParameterGradient& parameter : plan_.parameter_gradients) {
      frame.write_gradient(parameter, at::sum(at::mul(gradient, input), frame.statistics_type()), accumulate);
    }
    if (plan_.input_gradients[0].slot < 0) return;
    frame.give(plan_.input_gradients[0], at::mul(gradient, frame.vector_of(scale_, gradient.scalar_type())));
  }

 private:
  const StepPlan& plan_;
  ParameterRef scale_;
};

class AddStep : public Step {
 public:
  explicit AddStep(const StepContext& context) : plan_(context.plan) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const size_t first = plan_.overwrites < 0 ? 0 : static_cast<size_t>(plan_.overwrites);
    at::Tensor sum = frame.at(plan_.inputs[first]);
    bool owns = plan_.overwrites >= 0;
    for (size_t k = 0; k < plan_.inputs.size(); ++k) {
      if (k == first) continue;
      const at::Tensor& term = frame.at(plan_.inputs[k]);
      if (owns) {
        sum.add_(term);
      } else {
        sum = sum.add(term);
        owns = true;
      }
    }
    frame.set(plan_.output, sum);
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor gradient = frame.at(plan_.output_gradient);
    for (const InputGradient& input : plan_.input_gradients) frame.give(input, gradient);
  }

 private:
  const StepPlan& plan_;
};

class MultiplyStep : public Step {
 public:
  explicit MultiplyStep(const StepContext& context)
      : plan_(context.plan), is_gate_(context.input_node(1).shape != context.node().shape) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    frame.set(plan_.output, at::mul(frame.at(plan_.inputs[0]), frame.at(plan_.inputs[1])));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const InputGradient& wanted = plan_.input_gradients[0];
    const bool in_place = wanted.write == GradientWrite::kSet && frame.is_only_user(plan_.output_gradient);
    at::Tensor gradient = frame.at(plan_.output_gradient);
    if (plan_.input_gradients[1].slot >= 0) {
      at::Tensor product = at::mul(gradient, frame.at(plan_.inputs[0]));
      if (is_gate_) product = at::sum(product, {2, 3}, /*keepdim=*/true);
      frame.give(plan_.input_gradients[1], product);
    }
    if (wanted.slot < 0) return;
    const at::Tensor& factor = frame.at(plan_.inputs[1]);
    if (in_place) {
      gradient.mul_(factor);
      frame.give(wanted, gradient);
    } else {
      frame.give(wanted, at::mul(gradient, factor));
    }
  }

 private:
  const StepPlan& plan_;
  bool is_gate_;
};

class WeighStep : public Step {
 public:
  WeighStep(const StepContext& context, double factor) : plan_(context.plan), factor_(factor) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    at::Tensor input = frame.at(plan_.inputs[0]);
    frame.set(plan_.output, plan_.overwrites == 0 ? input.mul_(factor_) : at::mul(input, factor_));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const InputGradient& wanted = plan_.input_gradients[0];
    const bool in_place = wanted.write == GradientWrite::kSet && frame.is_only_user(plan_.output_gradient);
    at::Tensor gradient = frame.at(plan_.output_gradient);
    frame.give(wanted, in_place ? gradient.mul_(factor_) : at::mul(gradient, factor_));
  }

 private:
  const StepPlan& plan_;
  double factor_;
};

// Dropout and DropPath: a product with a mask that the host drew; without one the value passes on.
class MaskStep : public Step {
 public:
  explicit MaskStep(const StepContext& context) : plan_(context.plan) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    at::Tensor input = frame.at(plan_.inputs[0]);
    if (plan_.mask < 0) {
      frame.set(plan_.output, plan_.overwrites == 0 ? input : input.clone());
    } else if (plan_.overwrites == 0) {
      frame.set(plan_.output, input.mul_(mask(frame, input)));
    } else {
      frame.set(plan_.output, at::mul(input, mask(frame, input)));
    }
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const bool in_place =
        plan_.input_gradients[0].write == GradientWrite::kSet && frame.is_only_user(plan_.output_gradient);
    at::Tensor gradient = frame.at(plan_.output_gradient);
    if (plan_.mask >= 0) {
      if (in_place) {
        gradient.mul_(mask(frame, gradient));
      } else {
        gradient = at::mul(gradient, mask(frame, gradient));
      }
    }
    frame.give(plan_.input_gradients[0], gradient);
  }

 private:
  at::Tensor mask(TorchFrame& frame, const at::Tensor& like) const {
    at::Tensor mask = frame.at(plan_.mask);
    if (mask.dim() == 1) {
      std::vector<int64_t> shape(static_cast<size_t>(like.dim()), 1);
      shape[0] = mask.size(0);
      mask = mask.view(shape);
    }
    return mask.to(like.scalar_type());
  }

  const StepPlan& plan_;
};

}  // namespace

std::unique_ptr<Step> make_step_of(const StepContext& context, const Activation& op) {
  return std::make_unique<ActivationStep>(context, op.kind);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Scale& op) {
  return std::make_unique<ScaleStep>(context, op);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Add& /*op*/) {
  return std::make_unique<AddStep>(context);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Multiply& /*op*/) {
  return std::make_unique<MultiplyStep>(context);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Weigh& op) {
  return std::make_unique<WeighStep>(context, op.factor);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Dropout& /*op*/) {
  return std::make_unique<MaskStep>(context);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const DropPath& /*op*/) {
  return std::make_unique<MaskStep>(context);
}

}  // namespace netwright::torch_backend
