// What a backend supplies: memory on its device, steps for nodes, and operations on flat buffers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/lower_options.h"
#include "engine/parameters.h"
#include "engine/plan.h"
#include "graph/graph.h"

namespace netwright {

// Float32 elements on the backend's device.
class FlatBuffer {
 public:
  explicit FlatBuffer(int64_t size) : size_(size) {}
  virtual ~FlatBuffer() = default;
  FlatBuffer(const FlatBuffer&) = delete;
  FlatBuffer& operator=(const FlatBuffer&) = delete;

  int64_t size() const { return size_; }
  virtual void upload(int64_t offset, std::span<const float> values) = 0;
  virtual void download(int64_t offset, std::span<float> values) const = 0;

  // Changes whenever trainable values do, so that packed copies know when they are stale.
  uint64_t version() const { return version_; }
  void touch() { ++version_; }
  // The same of the moving statistics when a training pass has updated them, which leaves kernels as they are.
  uint64_t statistics_version() const { return statistics_version_; }
  void touch_statistics() { ++statistics_version_; }

 private:
  int64_t size_;
  uint64_t version_ = 1;
  uint64_t statistics_version_ = 1;
};

// A Program's storage on the device: slots by number. Steps of the same backend know its concrete type.
class Frame {
 public:
  virtual ~Frame() = default;
  // The buffers that the next run reads and writes. `gradients` may be null when nothing runs backward.
  virtual void bind(FlatBuffer& values, FlatBuffer* gradients) = 0;
  // Gives a slot host values (images, labels, weights, masks), row-major with the batch first. The memory must stay
  // until the run is over: a CPU backend reads it in place.
  virtual void write(int slot, std::span<const float> values) = 0;
  // A slot's values as float32, pictures as NHWC.
  virtual void read(int slot, std::span<float> values) const = 0;
  virtual double read_scalar(int slot) const = 0;
  virtual void release(int slot) = 0;
};

// One step of a Program, made for one StepPlan.
class Step {
 public:
  virtual ~Step() = default;
  virtual void forward(Frame& frame) = 0;
  // `accumulate`: parameter gradients are added to, whatever the plan says (micro-batches after the first).
  virtual void backward(Frame& frame, bool accumulate) = 0;
};

enum class OptimizerKind { kSgd, kMomentum, kRmsProp, kLars };

// One update of the trainable values, as TensorFlow's kernels do it (spec efficientnet 4.4):
//   g += coefficient * w on the L2 ranges, then
//   sgd:      w -= lr g
//   momentum: acc = momentum acc + g;  w -= lr acc
//   rmsprop:  ms += (g^2 - ms)(1 - decay);  mom = momentum mom + lr g / sqrt(ms + epsilon);  w -= mom
//   lars:     trust = eta |w| / (|g| + lars_weight_decay |w| + lars_epsilon), 1 where |w| or |g| is 0;
//             mom = momentum mom + (g + lars_weight_decay w) lr trust;  w -= mom;
//             tensors not adapted: mom = momentum mom + g lr;  w -= mom
struct OptimizerUpdate {
  OptimizerKind kind = OptimizerKind::kRmsProp;
  FlatBuffer* values = nullptr;
  FlatBuffer* gradients = nullptr;
  std::vector<FlatBuffer*> slots;  // rmsprop: mean square, momentum; momentum and lars: accumulator
  std::span<const L2Range> l2;
  std::span<const FlatSegment> segments;  // lars
  float learning_rate = 0.0F;
  float momentum = 0.9F;
  float decay = 0.9F;
  float epsilon = 0.001F;
  float eta = 0.001F;
  float lars_weight_decay = 1e-5F;
  float lars_epsilon = 0.0F;
};

struct DeviceOptions {
  std::string device = "cpu";  // "cpu", "cuda", "cuda:1"
  int threads = 0;             // of the CPU's pool; 0: one a core
  bool deterministic = false;  // on a GPU; a CPU always is
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;
  // Chooses the device; once, before anything else. Throws Error when the device isn't there.
  virtual void open(const DeviceOptions& options) = 0;
  // "libtorch 2.13.0, CPU, 2 threads".
  virtual std::string description() const = 0;

  virtual std::unique_ptr<FlatBuffer> make_buffer(int64_t size, float value) = 0;

  // What a node's step keeps, overwrites and needs. Throws Error that names a node which the backend can't run.
  virtual StepTraits traits(const Graph& graph, NodeId node, const LowerOptions& options) const = 0;
  // Whether a convolution's step can do the batch norm behind it as well. Asked where nobody else reads its value and
  // the batch norm is a fixed scale and shift.
  virtual bool folds_batch_norm(const Graph& graph, NodeId convolution, const LowerOptions& options) const = 0;
  virtual std::unique_ptr<Frame> make_frame(const Graph& graph, const ParameterLayout& layout, const Plan& plan,
                                            const LowerOptions& options) = 0;
  virtual std::unique_ptr<Step> make_step(const Graph& graph, const StepPlan& step, const LowerOptions& options) = 0;

  virtual void update(const OptimizerUpdate& update) = 0;
  // averages -= (1 - decay) (averages - values), over the whole buffers.
  virtual void average(FlatBuffer& averages, const FlatBuffer& values, float decay) = 0;
  virtual void copy(FlatBuffer& to, const FlatBuffer& from) = 0;
  virtual void fill(FlatBuffer& buffer, FlatRange range, float value) = 0;
  // Sum over the ranges of coefficient / 2 |w|^2.
  virtual double l2_loss(const FlatBuffer& values, std::span<const L2Range> ranges) = 0;
  virtual double squared_norm(const FlatBuffer& buffer, FlatRange range) = 0;
  virtual bool all_finite(const FlatBuffer& buffer) = 0;
  // Whether its memory is the host's own.
  virtual bool computes_on_host() const = 0;
  // Bytes that the device can still give.
  virtual int64_t available_bytes() const = 0;
  // Bytes that tensors of this backend hold now, and the most they held since the last reset.
  virtual int64_t allocated_bytes() const = 0;
  virtual int64_t peak_allocated_bytes() const = 0;
  virtual void reset_peak_allocated_bytes() = 0;
};

// The version of this header. A backend's library exports
//   extern "C" netwright::Backend* netwright_backend(int abi)
// and returns null for another version.
inline constexpr int kBackendAbi = 3;

// Loads libnetwright_NAME.so from beside this library (or NETWRIGHT_BACKENDS, a folder) and opens the device. The
// backend lives until the process ends. Throws Error that says how to get a missing library.
Backend& load_backend(std::string_view name, const DeviceOptions& options);

}  // namespace netwright
