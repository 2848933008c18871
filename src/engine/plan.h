// The plan of a Program: steps over numbered slots, with every lifetime known before anything runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/lower_options.h"
#include "engine/parameters.h"
#include "graph/graph.h"

namespace netwright {

enum class SlotKind {
  kImages,    // [N, H, W, 3], given by the caller
  kLabels,    // [N, classes], soft
  kWeights,   // [N], each example's weight in the loss; padding has 0
  kMask,      // of a Dropout [N, ...] or a DropPath [N], scaled by 1 / keep
  kValue,     // a node's value
  kSaved,     // what a step keeps for its backward besides values
  kGradient,  // of a value
  kLoss,      // the sum of the losses, one element
};

// A numbered buffer. `begin` and `end` are its first and last use on the time line of 2 n ticks: forward step i is
// tick i, its backward tick 2 n - 1 - i.
struct Slot {
  SlotKind kind = SlotKind::kValue;
  NodeId node = -1;
  Shape shape;  // with the batch
  Precision type = Precision::kFloat32;
  int begin = -1;
  int end = -1;

  int64_t bytes() const;
};

// How a step's work on one input looks to the plan; a backend declares it for each node (Backend::traits).
struct StepTraits {
  std::vector<int> keeps_inputs;    // indices of inputs whose values backward reads
  bool keeps_output = false;        // backward reads the output's value
  std::vector<int> may_overwrite;   // inputs whose storage the output may take, in order of preference
  bool gradient_in_place = false;   // input 0's gradient may take the output gradient's storage
  bool gradient_passes_on = false;  // every input's gradient is the output's gradient itself (Add)
  std::vector<int64_t> saved;       // bytes of what it keeps besides values
  int64_t forward_workspace = 0;    // bytes, while it runs forward
  int64_t backward_workspace = 0;   // bytes, while it runs backward
  ParameterRef copies;              // of which a copy in the program's precision lives on, one for all its readers
};

enum class GradientWrite { kSet, kAdd };

struct InputGradient {
  int slot = -1;  // -1: not needed
  GradientWrite write = GradientWrite::kSet;
};

struct ParameterGradient {
  ParameterRef parameter;
  GradientWrite write = GradientWrite::kSet;
};

struct StepPlan {
  NodeId node = -1;         // the node that it came from; of a loss step its output's
  NodeId batch_norm = -1;   // the node that a convolution's step does as well: its output is that node's value
  int loss = -1;            // of a loss step: which of options.losses
  std::vector<int> inputs;  // slots
  int output = -1;          // slot
  int mask = -1;            // slot of its mask
  int labels = -1;          // slots of a loss step
  int weights = -1;
  int overwrites = -1;  // index of the input whose storage the output takes
  int output_gradient = -1;
  std::vector<InputGradient> input_gradients;
  std::vector<ParameterGradient> parameter_gradients;
  StepTraits traits;
  std::vector<int> release_after_forward;   // slots
  std::vector<int> release_after_backward;  // slots
};

struct Plan {
  std::vector<Slot> slots;
  std::vector<StepPlan> steps;
  std::vector<int> value_of;  // a node's slot; -1: its value is never stored
  int images = -1;
  int labels = -1;
  int weights = -1;
  int loss = -1;
  std::vector<int> masks;  // slots
  // Trainable tensors that no step writes a gradient to, or only a part of: zeroed before the first backward.
  std::vector<FlatRange> unwritten_gradients;
  // Live bytes of values, gradients, saved slots and copies of parameters plus workspace, the largest over the time
  // line; and where.
  int64_t peak_bytes = 0;
  int peak_tick = 0;
};

class Backend;

// Lays out slots, lifetimes and gradient writes; asks the backend for the traits of each step.
Plan make_plan(const Graph& graph, const ParameterLayout& layout, const Backend& backend, const LowerOptions& options);

// The plan as text, a step a line: for people and for tests.
std::string to_text(const Plan& plan, const Graph& graph);

}  // namespace netwright
