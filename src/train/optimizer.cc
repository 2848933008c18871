#include "train/optimizer.h"

#include <array>

namespace netwright {
namespace {

constexpr std::array<SlotName, 2> kRmsPropSlots = {{{"RMSProp", 1.0F}, {"RMSProp_1", 0.0F}}};
constexpr std::array<SlotName, 1> kMomentumSlots = {{{"Momentum", 0.0F}}};
constexpr std::array<SlotName, 1> kLarsSlots = {{{"LARSOptimizer", 0.0F}}};

}  // namespace

std::span<const SlotName> slot_names(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::kSgd:
      return {};
    case OptimizerKind::kMomentum:
      return kMomentumSlots;
    case OptimizerKind::kRmsProp:
      return kRmsPropSlots;
    case OptimizerKind::kLars:
      return kLarsSlots;
  }
  return {};
}

Optimizer::Optimizer(const OptimizerSettings& settings, const ParameterLayout& layout, double weight_decay,
                     Backend& backend)
    : settings_(settings), backend_(backend), l2_(layout.l2_ranges(weight_decay)) {
  if (settings.kind == OptimizerKind::kLars) segments_ = lars_segments(layout);
  for (const SlotName& slot : slot_names(settings.kind)) {
    slots_.push_back(backend.make_buffer(layout.trainable_size(), slot.initial));
  }
}

void Optimizer::update(FlatBuffer& values, FlatBuffer& gradients, float learning_rate) {
  OptimizerUpdate update;
  update.kind = settings_.kind;
  update.values = &values;
  update.gradients = &gradients;
  for (const auto& slot : slots_) update.slots.push_back(slot.get());
  update.l2 = l2_;
  update.segments = segments_;
  update.learning_rate = learning_rate;
  update.momentum = settings_.momentum;
  update.decay = settings_.decay;
  update.epsilon = settings_.epsilon;
  update.eta = settings_.eta;
  update.lars_weight_decay = settings_.lars_weight_decay;
  update.lars_epsilon = settings_.lars_epsilon;
  backend_.update(update);
}

}  // namespace netwright
