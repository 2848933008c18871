#include <ATen/TensorOperators.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "backends/torch/frame.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

// In float32 whatever the precision of the network (in double for tests): logits and routing weights are small.
class DenseStep : public Step {
 public:
  DenseStep(const StepContext& context, const Dense& op)
      : plan_(context.plan), op_(op), input_size_(element_count(context.input_node(0).shape)) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor input = flat_input(frame);
    const at::Tensor kernel = frame.vector_of(op_.kernel, frame.statistics_type());
    frame.set(plan_.output, op_.bias ? at::addmm(frame.vector_of(op_.bias, frame.statistics_type()), input, kernel)
                                     : at::mm(input, kernel));
  }

  void backward(Frame& base, bool accumulate) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& gradient = frame.at(plan_.output_gradient);
    if (plan_.input_gradients[0].slot >= 0) {
      const at::Tensor& input = frame.at(plan_.inputs[0]);
      const at::Tensor kernel = frame.vector_of(op_.kernel, frame.statistics_type());
      frame.give(plan_.input_gradients[0], at::mm(gradient, kernel.t()).to(input.scalar_type()).view(input.sizes()));
    }
    for (const ParameterGradient& parameter : plan_.parameter_gradients) {
      const bool is_kernel = parameter.parameter == op_.kernel;
      frame.write_gradient(parameter, is_kernel ? at::mm(flat_input(frame).t(), gradient) : gradient.sum(0),
                           accumulate);
    }
  }

 private:
  at::Tensor flat_input(TorchFrame& frame) const {
    const at::Tensor& input = frame.at(plan_.inputs[0]);
    return input.reshape({input.size(0), input_size_}).to(frame.statistics_type());
  }

  const StepPlan& plan_;
  Dense op_;
  int64_t input_size_;
};

class MixExpertsStep : public Step {
 public:
  MixExpertsStep(const StepContext& context, const MixExperts& op) : plan_(context.plan), op_(op) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor experts = frame.vector_of(op_.experts, frame.statistics_type());
    frame.set(plan_.output, at::mm(frame.at(plan_.inputs[0]).to(experts.scalar_type()), experts).to(frame.type()));
  }

  void backward(Frame& base, bool accumulate) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor gradient = frame.at(plan_.output_gradient).to(frame.statistics_type());
    const at::Tensor& routing = frame.at(plan_.inputs[0]);
    const at::Tensor experts = frame.vector_of(op_.experts, frame.statistics_type());
    frame.give(plan_.input_gradients[0], at::mm(gradient, experts.t()).to(routing.scalar_type()));
    for (const ParameterGradient& parameter : plan_.parameter_gradients) {
      frame.write_gradient(parameter, at::mm(routing.to(gradient.scalar_type()).t(), gradient), accumulate);
    }
  }

 private:
  const StepPlan& plan_;
  MixExperts op_;
};

class SoftmaxStep : public Step {
 public:
  explicit SoftmaxStep(const StepContext& context) : plan_(context.plan) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    frame.set(plan_.output, at::_softmax(frame.at(plan_.inputs[0]).to(frame.statistics_type()), 1, false));
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& output = frame.at(plan_.output);
    const at::Tensor gradient =
        at::_softmax_backward_data(frame.at(plan_.output_gradient), output, 1, output.scalar_type());
    frame.give(plan_.input_gradients[0], gradient.to(frame.at(plan_.inputs[0]).scalar_type()));
  }

 private:
  const StepPlan& plan_;
};

// The sum over examples of weight * cross-entropy against smoothed targets t' = t (1 - e) + e / classes. A row of t'
// need not sum to 1 (a label out of range leaves only the smoothing, as in the originals).
class LossStep : public Step {
 public:
  LossStep(const StepContext& context, const LossSpec& loss) : plan_(context.plan), loss_(loss) {}

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor& logits = frame.at(plan_.inputs[0]);
    const at::Tensor log_probabilities = at::_log_softmax(logits, 1, false);
    const at::Tensor targets = smoothed(frame);
    at::Tensor loss = -((targets * log_probabilities).sum(1) * frame.at(plan_.weights)).sum() * loss_.weight;
    loss = loss.to(at::kDouble);
    const bool adds = plan_.loss > 0;
    frame.set(plan_.output, adds ? frame.at(plan_.output) + loss : loss);
    if (frame.options().backward) probabilities_ = log_probabilities.exp();
  }

  void backward(Frame& base, bool /*accumulate*/) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor targets = smoothed(frame);
    const at::Tensor weights = frame.at(plan_.weights).unsqueeze(1) * loss_.weight;
    at::Tensor gradient = (probabilities_ * targets.sum(1, true) - targets) * weights;
    probabilities_.reset();
    frame.give(plan_.input_gradients[0], gradient);
  }

 private:
  at::Tensor smoothed(TorchFrame& frame) const {
    const at::Tensor& labels = frame.at(plan_.labels);
    const double classes = static_cast<double>(labels.size(1));
    return labels * (1.0 - loss_.label_smoothing) + loss_.label_smoothing / classes;
  }

  const StepPlan& plan_;
  LossSpec loss_;
  at::Tensor probabilities_;
};

}  // namespace

std::unique_ptr<Step> make_step_of(const StepContext& context, const Dense& op) {
  return std::make_unique<DenseStep>(context, op);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const MixExperts& op) {
  return std::make_unique<MixExpertsStep>(context, op);
}
std::unique_ptr<Step> make_step_of(const StepContext& context, const Softmax& /*op*/) {
  return std::make_unique<SoftmaxStep>(context);
}
std::unique_ptr<Step> make_loss_step(const StepContext& context, const LossSpec& loss) {
  return std::make_unique<LossStep>(context, loss);
}

}  // namespace netwright::torch_backend
