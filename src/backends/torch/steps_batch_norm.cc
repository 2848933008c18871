#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/zeros.h>

#include "backends/torch/frame.h"
#include "backends/torch/steps.h"

namespace netwright::torch_backend {
namespace {

// Mean and biased variance, [channels], float32 (or double).
struct Moments {
  at::Tensor mean;
  at::Tensor variance;
};

class BatchNormStep : public Step {
 public:
  BatchNormStep(const StepContext& context, const BatchNorm& op)
      : plan_(context.plan), op_(op), parts_(context.options.batch_parts), channels_(context.node().shape.back()) {
    const Shape& shape = context.node().shape;
    per_channel_ = context.options.batch / parts_ * element_count(shape) / channels_;
  }

  void forward(Frame& base) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor input = frame.at(plan_.inputs[0]);
    if (!frame.options().batch_statistics) {
      frame.set(plan_.output, apply(frame, input, moving(frame)));
      return;
    }
    Moments first;
    if (parts_ == 1) {
      first = forward_part(frame, input);
    } else if (op_.combine == BatchNormCombine::kMeanOfVariances) {
      first = forward_combined(frame, input);
    } else {
      first = forward_each(frame, input);
    }
    if (frame.options().update_moving && op_.moving_mean) update_moving(frame, first);
  }

  void backward(Frame& base, bool accumulate) override {
    TorchFrame& frame = torch_frame(base);
    const at::Tensor gradient = frame.at(plan_.output_gradient);
    const at::Tensor input = frame.at(plan_.inputs[0]);
    at::Tensor of_input;
    at::Tensor of_gamma;
    at::Tensor of_beta;
    if (saved_.size() == 1) {
      std::tie(of_input, of_gamma, of_beta) = backward_part(frame, gradient, input, saved_[0]);
    } else {
      std::vector<at::Tensor> inputs;
      const int64_t rows = input.size(0) / parts_;
      for (int p = 0; p < parts_; ++p) {
        const auto [one, gamma, beta] = backward_part(frame, gradient.narrow(0, p * rows, rows),
                                                      input.narrow(0, p * rows, rows), saved_[static_cast<size_t>(p)]);
        inputs.push_back(one);
        of_gamma = p == 0 ? gamma : of_gamma + gamma;
        of_beta = p == 0 ? beta : of_beta + beta;
      }
      of_input = at::cat(inputs).contiguous(input.suggest_memory_format());
    }
    saved_.clear();
    frame.give(plan_.input_gradients[0], of_input);
    for (const ParameterGradient& parameter : plan_.parameter_gradients) {
      frame.write_gradient(parameter, parameter.parameter == op_.gamma ? of_gamma : of_beta, accumulate);
    }
  }

 private:
  // As libtorch's backward wants them.
  struct Saved {
    at::Tensor mean;
    at::Tensor inverse_deviation;
  };

  at::Tensor gamma(TorchFrame& frame) const { return frame.vector_of(op_.gamma, frame.statistics_type()); }
  at::Tensor beta(TorchFrame& frame) const { return frame.vector_of(op_.beta, frame.statistics_type()); }

  Moments moving(TorchFrame& frame) const {
    return {frame.vector_of(op_.moving_mean, frame.statistics_type()),
            frame.vector_of(op_.moving_variance, frame.statistics_type())};
  }

  at::Tensor apply(TorchFrame& frame, const at::Tensor& input, const Moments& moments) const {
    return std::get<0>(at::native_batch_norm(input, gamma(frame), beta(frame), moments.mean, moments.variance, false,
                                             0.0, op_.epsilon));
  }

  // Moments and normalisation in one operator. Running statistics with momentum 1 hand over the moments themselves: the
  // saved inverse deviation would give the variance only to the digits that epsilon leaves.
  std::tuple<at::Tensor, Saved, Moments> normalize(TorchFrame& frame, const at::Tensor& input) const {
    const auto options = at::TensorOptions().dtype(frame.statistics_type()).device(frame.device());
    at::Tensor mean = at::zeros({channels_}, options);
    at::Tensor variance = at::zeros({channels_}, options);
    const auto [output, saved_mean, saved_inverse] =
        at::native_batch_norm(input, gamma(frame), beta(frame), mean, variance, true, 1.0, op_.epsilon);
    if (per_channel_ > 1) {
      variance.mul_(static_cast<double>(per_channel_ - 1) / static_cast<double>(per_channel_));
    } else {
      variance.zero_();
    }
    return {output, Saved{saved_mean, saved_inverse}, Moments{mean, variance}};
  }

  Moments forward_part(TorchFrame& frame, const at::Tensor& input) {
    auto [output, saved, moments] = normalize(frame, input);
    frame.set(plan_.output, output);
    saved_ = {saved};
    return moments;
  }

  Moments forward_each(TorchFrame& frame, const at::Tensor& input) {
    std::vector<at::Tensor> outputs;
    Moments first;
    saved_.clear();
    const int64_t rows = input.size(0) / parts_;
    for (int p = 0; p < parts_; ++p) {
      auto [output, saved, moments] = normalize(frame, input.narrow(0, p * rows, rows));
      outputs.push_back(output);
      saved_.push_back(saved);
      if (p == 0) first = moments;
    }
    frame.set(plan_.output, at::cat(outputs).contiguous(input.suggest_memory_format()));
    return first;
  }

  Moments forward_combined(TorchFrame& frame, const at::Tensor& input) {
    std::vector<at::Tensor> means;
    std::vector<at::Tensor> squares;
    const int64_t rows = input.size(0) / parts_;
    const std::vector<int64_t> all_but_channels =
        input.dim() == 4 ? std::vector<int64_t>{0, 2, 3} : std::vector<int64_t>{0};
    for (int p = 0; p < parts_; ++p) {
      const at::Tensor part = input.narrow(0, p * rows, rows).to(frame.statistics_type());
      const auto [variance, mean] = at::var_mean(part, all_but_channels, /*unbiased=*/false);
      means.push_back(mean);
      squares.push_back(variance + mean * mean);
    }
    Moments moments;
    moments.mean = at::stack(means).mean(0);
    moments.variance = at::stack(squares).mean(0) - moments.mean * moments.mean;
    frame.set(plan_.output, apply(frame, input, moments));
    saved_ = {Saved{moments.mean, (moments.variance + op_.epsilon).rsqrt()}};
    return moments;
  }

  std::tuple<at::Tensor, at::Tensor, at::Tensor> backward_part(TorchFrame& frame, const at::Tensor& gradient,
                                                               const at::Tensor& input, const Saved& saved) const {
    return at::native_batch_norm_backward(gradient, input, gamma(frame), {}, {}, saved.mean, saved.inverse_deviation,
                                          true, op_.epsilon, {plan_.input_gradients[0].slot >= 0, true, true});
  }

  void update_moving(TorchFrame& frame, const Moments& moments) const {
    // 1 - momentum is taken in double, as the originals do in Python: in float32 it would be off by 1e-6.
    const double rate = 1.0 - op_.momentum;
    at::Tensor mean = frame.value_of(op_.moving_mean);
    mean.sub_((mean - moments.mean.to(at::kFloat)) * rate);
    const double m = static_cast<double>(per_channel_);
    const double correction = op_.unbiased_moving_variance ? m / std::max(m - 1.0, 1.0) : 1.0;
    at::Tensor variance = frame.value_of(op_.moving_variance);
    variance.sub_((variance - (moments.variance * correction).to(at::kFloat)) * rate);
  }

  const StepPlan& plan_;
  BatchNorm op_;
  int parts_;
  int64_t channels_;
  int64_t per_channel_;  // values that one channel's moments are taken over
  std::vector<Saved> saved_;
};

}  // namespace

std::unique_ptr<Step> make_step_of(const StepContext& context, const BatchNorm& op) {
  return std::make_unique<BatchNormStep>(context, op);
}

}  // namespace netwright::torch_backend
