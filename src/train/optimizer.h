// The optimisers of the originals over flat buffers, with their slots. Source: shared spec efficientnet.md, 4.4; the
// arithmetic is the backend's (Backend::update).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/parameters.h"

namespace netwright {

struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::kRmsProp;
  float momentum = 0.9F;   // rmsprop, momentum, lars
  float decay = 0.9F;      // rmsprop: of the mean square
  float epsilon = 0.001F;  // rmsprop: inside the root
  float eta = 0.001F;      // lars
  float lars_weight_decay = 1e-5F;
  float lars_epsilon = 0.0F;
};

// A slot in checkpoints: VARIABLE/SUFFIX for every trainable variable.
struct SlotName {
  std::string_view suffix;
  float initial;  // every element's first value
};

// The slots of an optimiser, in the order of OptimizerUpdate::slots.
std::span<const SlotName> slot_names(OptimizerKind kind);

class Optimizer {
 public:
  // The layout must outlive the optimiser. `weight_decay` times a variable's l2 is its decay.
  Optimizer(const OptimizerSettings& settings, const ParameterLayout& layout, double weight_decay, Backend& backend);

  // One update of `values` with `gradients`, at this rate.
  void update(FlatBuffer& values, FlatBuffer& gradients, float learning_rate);

  const OptimizerSettings& settings() const { return settings_; }
  // In the order of slot_names.
  const std::vector<std::unique_ptr<FlatBuffer>>& slots() const { return slots_; }
  // What the reported loss adds for `values`.
  double l2_loss(const FlatBuffer& values) const { return backend_.l2_loss(values, l2_); }

 private:
  OptimizerSettings settings_;
  Backend& backend_;
  std::vector<L2Range> l2_;
  std::vector<FlatSegment> segments_;
  std::vector<std::unique_ptr<FlatBuffer>> slots_;
};

}  // namespace netwright
