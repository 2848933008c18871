#include "engine/program.h"

#include <algorithm>

#include "core/error.h"
#include "core/random.h"

namespace netwright {

Program::Program(Graph graph, Backend& backend, LowerOptions options)
    : graph_(std::move(graph)),
      backend_(backend),
      options_(std::move(options)),
      layout_(graph_),
      plan_(make_plan(graph_, layout_, backend_, options_)),
      frame_(backend_.make_frame(graph_, layout_, plan_, options_)) {
  for (const StepPlan& step : plan_.steps) steps_.push_back(backend_.make_step(graph_, step, options_));
}

Program::~Program() = default;

void Program::set_images(std::span<const float> nhwc) { frame_->write(plan_.images, nhwc); }

void Program::set_labels(std::span<const float> soft) {
  if (plan_.labels >= 0) frame_->write(plan_.labels, soft);
}

void Program::set_weights(std::span<const float> weights) {
  if (plan_.weights >= 0) frame_->write(plan_.weights, weights);
}

void Program::set_mask(NodeId node, std::span<const float> mask) {
  for (const int slot : plan_.masks) {
    if (plan_.slots[static_cast<size_t>(slot)].node == node) return frame_->write(slot, mask);
  }
  fail("node {} of {} takes no mask", node, graph_.name());
}

void Program::draw_masks(uint64_t seed, uint64_t step, uint64_t first_sample, double ramp) {
  masks_.resize(plan_.masks.size());
  for (size_t m = 0; m < plan_.masks.size(); ++m) {
    const Slot& slot = plan_.slots[static_cast<size_t>(plan_.masks[m])];
    const Node& node = graph_.node(slot.node);
    const auto* dropout = std::get_if<Dropout>(&node.op);
    const double keep =
        dropout != nullptr ? keep_probability(*dropout) : keep_probability(std::get<DropPath>(node.op), ramp);
    std::vector<float>& mask = masks_[m];
    mask.resize(static_cast<size_t>(element_count(slot.shape)));
    const size_t per_sample = mask.size() / static_cast<size_t>(options_.batch);
    const auto scale = static_cast<float>(1.0 / keep);
    for (int64_t i = 0; i < options_.batch; ++i) {
      // (step, node) and the sample's global index: 2^24 nodes and 2^40 samples fit into one 64-bit word.
      const uint64_t sample = (first_sample + static_cast<uint64_t>(i)) << 24 | static_cast<uint64_t>(slot.node);
      RandomStream stream(seed, RandomPurpose::kMask, step, sample);
      float* row = mask.data() + static_cast<size_t>(i) * per_sample;
      for (size_t k = 0; k < per_sample; ++k) row[k] = stream.uniform() < keep ? scale : 0.0F;
    }
    frame_->write(plan_.masks[m], mask);
  }
}

template <typename Body>
void Program::at_step(size_t index, Direction direction, Body body) {
  const StepPlan& step = plan_.steps[index];
  if (observer_ != nullptr) observer_->before(index, direction);
  try {
    body();
  } catch (const std::exception& error) {
    const Node& node = graph_.node(step.node);
    fail("[{}] {} of {}: {}", step.loss >= 0 ? "Loss" : operator_name(node.op),
         direction == Direction::kForward ? "forward" : "backward", node.scope.empty() ? graph_.name() : node.scope,
         error.what());
  }
  if (observer_ != nullptr) observer_->after(index, direction);
}

void Program::forward(FlatBuffer& values) {
  frame_->bind(values, nullptr);
  for (size_t i = 0; i < steps_.size(); ++i) {
    at_step(i, Direction::kForward, [&] { steps_[i]->forward(*frame_); });
    for (const int slot : plan_.steps[i].release_after_forward) frame_->release(slot);
  }
  if (options_.update_moving) values.touch_statistics();
}

void Program::backward(FlatBuffer& values, FlatBuffer& gradients, bool accumulate) {
  if (!options_.backward) fail("this program of {} was not lowered to run backward", graph_.name());
  frame_->bind(values, &gradients);
  if (!accumulate) {
    for (const FlatRange& range : plan_.unwritten_gradients) backend_.fill(gradients, range, 0.0F);
  }
  for (size_t i = steps_.size(); i-- > 0;) {
    const StepPlan& step = plan_.steps[i];
    if (step.output_gradient >= 0 || step.loss >= 0) {
      at_step(i, Direction::kBackward, [&] { steps_[i]->backward(*frame_, accumulate); });
    }
    for (const int slot : step.release_after_backward) frame_->release(slot);
  }
}

double Program::loss() const {
  if (plan_.loss < 0) fail("this program of {} was lowered without a loss", graph_.name());
  return frame_->read_scalar(plan_.loss);
}

int Program::slot_of(NodeId node) const {
  const int slot = plan_.value_of[static_cast<size_t>(node)];
  if (slot < 0) {
    fail("{} never stores the value of node {}, {} {}; name it in LowerOptions::keep", graph_.name(), node,
         operator_name(graph_.node(node).op), graph_.node(node).scope);
  }
  return slot;
}

void Program::read(NodeId node, std::span<float> values) const { frame_->read(slot_of(node), values); }

std::vector<float> Program::read(NodeId node) const {
  const Slot& slot = plan_.slots[static_cast<size_t>(slot_of(node))];
  std::vector<float> values(static_cast<size_t>(element_count(slot.shape)));
  read(node, values);
  return values;
}

double keep_probability(const Dropout& dropout) { return 1.0 - dropout.rate; }

double keep_probability(const DropPath& path, double ramp) {
  return path.ramps ? 1.0 - std::clamp(ramp, 0.0, 1.0) * (1.0 - path.survival) : path.survival;
}

void one_hot(std::span<const int32_t> labels, int64_t classes, std::span<float> rows) {
  std::fill(rows.begin(), rows.end(), 0.0F);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0 && labels[i] < classes)
      rows[i * static_cast<size_t>(classes) + static_cast<size_t>(labels[i])] = 1.0F;
  }
}

}  // namespace netwright
