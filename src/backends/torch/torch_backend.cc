// The reference backend: ATen's functional operators and their backward, on the CPU and, where libtorch has it, CUDA.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include <fmt/format.h>

#include "backends/torch/allocator.h"
#include "backends/torch/frame.h"
#include "backends/torch/guard.h"
#include "backends/torch/optimizer.h"
#include "backends/torch/steps.h"
#include "core/error.h"
#include "core/process_memory.h"

namespace netwright::torch_backend {
namespace {

class GuardedStep : public Step {
 public:
  explicit GuardedStep(std::unique_ptr<Step> step) : step_(std::move(step)) {}
  void forward(Frame& frame) override {
    guarded([&] { step_->forward(frame); });
  }
  void backward(Frame& frame, bool accumulate) override {
    guarded([&] { step_->backward(frame, accumulate); });
  }

 private:
  std::unique_ptr<Step> step_;
};

at::Device parse_device(const std::string& text) {
  if (text == "cpu") return at::kCPU;
  if (text.rfind("cuda", 0) == 0) {
    if (!at::hasCUDA()) fail("device {}: this libtorch or this machine has no CUDA; cpu is there", text);
    try {
      const at::Device device(text);
      return device.has_index() ? device : at::Device(at::kCUDA, 0);
    } catch (const c10::Error&) {
      fail("device {} is not understood; cpu, cuda and cuda:N are", text);
    }
  }
  fail("device {} is unknown; cpu, cuda and cuda:N are known", text);
}

class TorchBackend : public Backend {
 public:
  std::string_view name() const override { return "torch"; }

  void open(const DeviceOptions& options) override {
    guarded([&] {
      device_ = parse_device(options.device);
      threads_ =
          options.threads > 0 ? options.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
      at::set_num_threads(threads_);
      if (options.deterministic) at::globalContext().setDeterministicAlgorithms(true, false);
      if (device_.is_cpu()) install_cpu_allocator();
    });
  }

  std::string description() const override {
    return fmt::format("libtorch {}, {}, {} thread{}", TORCH_VERSION, device_.is_cpu() ? "CPU" : device_.str(),
                       threads_, threads_ == 1 ? "" : "s");
  }

  std::unique_ptr<FlatBuffer> make_buffer(int64_t size, float value) override {
    return guarded([&] { return std::make_unique<TorchBuffer>(size, value, device_); });
  }

  StepTraits traits(const Graph& graph, NodeId node, const LowerOptions& options) const override {
    return traits_of(graph, node, options);
  }

  bool folds_batch_norm(const Graph& graph, NodeId convolution, const LowerOptions& options) const override {
    return folds_batch_norm_of(graph, convolution, options);
  }

  std::unique_ptr<Frame> make_frame(const Graph& graph, const ParameterLayout& layout, const Plan& plan,
                                    const LowerOptions& options) override {
    return guarded([&] { return std::make_unique<TorchFrame>(graph, layout, plan, options, device_); });
  }

  std::unique_ptr<Step> make_step(const Graph& graph, const StepPlan& step, const LowerOptions& options) override {
    const StepContext context{graph, step, options};
    if (step.loss >= 0) {
      return std::make_unique<GuardedStep>(make_loss_step(context, options.losses[static_cast<size_t>(step.loss)]));
    }
    return std::visit(Overloaded{
                          [&](const Input&) -> std::unique_ptr<Step> { fail("an Input has no step"); },
                          [&](const auto& op) -> std::unique_ptr<Step> {
                            return std::make_unique<GuardedStep>(make_step_of(context, op));
                          },
                      },
                      graph.node(step.node).op);
  }

  void update(const OptimizerUpdate& update) override {
    guarded([&] { apply_update(update); });
  }
  void average(FlatBuffer& averages, const FlatBuffer& values, float decay) override {
    guarded([&] { apply_average(averages, values, decay); });
  }
  void copy(FlatBuffer& to, const FlatBuffer& from) override {
    guarded([&] {
      torch_buffer(to).tensor().copy_(torch_buffer(from).tensor());
      to.touch();
    });
  }
  void fill(FlatBuffer& buffer, FlatRange range, float value) override {
    guarded([&] { slice(torch_buffer(buffer).tensor(), range).fill_(value); });
  }
  double l2_loss(const FlatBuffer& values, std::span<const L2Range> ranges) override {
    double sum = 0.0;
    for (const L2Range& range : ranges) sum += range.coefficient / 2.0 * squared_norm(values, range.range);
    return sum;
  }
  double squared_norm(const FlatBuffer& buffer, FlatRange range) override {
    return guarded([&] { return sum_of_squares(torch_buffer(buffer).tensor(), range); });
  }
  bool all_finite(const FlatBuffer& buffer) override {
    return guarded([&] { return at::isfinite(torch_buffer(buffer).tensor()).all().item().toBool(); });
  }

  bool computes_on_host() const override { return device_.is_cpu(); }
  int64_t available_bytes() const override {
    if (device_.is_cpu()) return netwright::available_bytes();
    return guarded([&] {
      return static_cast<int64_t>(at::getDeviceAllocator(device_.type())->getMemoryInfo(device_.index()).first);
    });
  }
  int64_t allocated_bytes() const override { return allocator_statistics().allocated; }
  int64_t peak_allocated_bytes() const override { return allocator_statistics().peak; }
  void reset_peak_allocated_bytes() override { reset_allocator_peak(); }

 private:
  at::Device device_ = at::kCPU;
  int threads_ = 1;
};

}  // namespace
}  // namespace netwright::torch_backend

extern "C" __attribute__((visibility("default"))) netwright::Backend* netwright_backend(int abi) {
  if (abi != netwright::kBackendAbi) return nullptr;
  static auto* backend = new netwright::torch_backend::TorchBackend;
  return backend;
}
