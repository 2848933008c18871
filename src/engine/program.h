// A network lowered for one batch size, precision and mode: it runs forward and backward on a backend.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/backend.h"
#include "engine/plan.h"

namespace netwright {

enum class Direction { kForward, kBackward };

// Told before and after every step that runs; `step` counts in the plan.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  virtual void before(size_t step, Direction direction) = 0;
  virtual void after(size_t step, Direction direction) = 0;
};

class Program {
 public:
  // Throws Error when the graph can't be lowered as asked.
  Program(Graph graph, Backend& backend, LowerOptions options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const Graph& graph() const { return graph_; }
  const Plan& plan() const { return plan_; }
  const LowerOptions& options() const { return options_; }
  const ParameterLayout& layout() const { return layout_; }

  // Inputs; each must stay until the run is over, so a temporary isn't taken.
  void set_images(std::span<const float> nhwc);      // [batch, H, W, 3]
  void set_labels(std::span<const float> soft);      // [batch, classes]
  void set_weights(std::span<const float> weights);  // [batch]
  void set_images(std::vector<float>&&) = delete;
  void set_labels(std::vector<float>&&) = delete;
  void set_weights(std::vector<float>&&) = delete;
  // Draws the masks of every Dropout and DropPath for the samples `first_sample` + 0 .. batch - 1, keyed by
  // (seed, step, node, sample). `ramp`: how far a drop-path that ramps has come, in [0, 1].
  void draw_masks(uint64_t seed, uint64_t step, uint64_t first_sample, double ramp = 1.0);
  // A mask given by the caller instead: [batch] of a DropPath, the value's elements of a Dropout, scaled by 1 / keep.
  void set_mask(NodeId node, std::span<const float> mask);

  // Runs the steps. Values of `values` are read; moving statistics are written when the options say so.
  void forward(FlatBuffer& values);
  // After forward: fills `gradients` (trainable size), or adds to them when `accumulate`.
  void backward(FlatBuffer& values, FlatBuffer& gradients, bool accumulate);

  // Null: none. It must stay until another is set.
  void set_observer(StepObserver* observer) { observer_ = observer; }

  // The loss of the last forward, without L2.
  double loss() const;
  // Values that the plan keeps: outputs and options.keep. Shape [batch, ...]. Throws Error for another node.
  void read(NodeId node, std::span<float> values) const;
  std::vector<float> read(NodeId node) const;

 private:
  template <typename Body>
  void at_step(size_t index, Direction direction, Body body);
  int slot_of(NodeId node) const;

  Graph graph_;
  Backend& backend_;
  LowerOptions options_;
  ParameterLayout layout_;
  Plan plan_;
  std::unique_ptr<Frame> frame_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<std::vector<float>> masks_;
  StepObserver* observer_ = nullptr;
};

// The share of the elements (Dropout) or examples (DropPath) that a mask keeps.
double keep_probability(const Dropout& dropout);
double keep_probability(const DropPath& path, double ramp);

// Labels as rows of ones and zeros; a label outside [0, classes) gives a row of zeros.
void one_hot(std::span<const int32_t> labels, int64_t classes, std::span<float> rows);

}  // namespace netwright
