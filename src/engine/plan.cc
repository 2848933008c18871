#include "engine/plan.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "engine/backend.h"

namespace netwright {
namespace {

int64_t type_size(Precision type) {
  switch (type) {
    case Precision::kFloat32:
      return 4;
    case Precision::kBfloat16:
      return 2;
    case Precision::kFloat64:
      return 8;
  }
  return 4;
}

bool is_external(SlotKind kind) {
  return kind == SlotKind::kImages || kind == SlotKind::kLabels || kind == SlotKind::kWeights ||
         kind == SlotKind::kMask;
}

Shape with_batch(int64_t batch, const Shape& shape) {
  Shape full = {batch};
  full.insert(full.end(), shape.begin(), shape.end());
  return full;
}

// Logits, probabilities and routing weights stay float32 in bf16 programs; everything else has the precision asked for.
bool gives_float32(const Operator& op) {
  return std::holds_alternative<Dense>(op) || std::holds_alternative<Softmax>(op);
}
bool keeps_input_type(const Operator& op) { return !gives_float32(op) && !std::holds_alternative<MixExperts>(op); }

class Planner {
 public:
  Planner(const Graph& graph, const ParameterLayout& layout, const Backend& backend, const LowerOptions& options)
      : graph_(graph), layout_(layout), backend_(backend), options_(options) {}

  Plan make() {
    check_options();
    find_gradients_needed();
    find_folds();
    add_forward_steps();
    add_loss_steps();
    set_lifetimes();
    choose_overwrites();
    if (options_.backward) add_backward();
    add_releases();
    predict_peak();
    return std::move(plan_);
  }

 private:
  void check_options() const {
    if (options_.batch < 1) fail("a batch of {} can't be lowered; it must be at least 1", options_.batch);
    if (options_.batch_parts < 1 || options_.batch % options_.batch_parts != 0) {
      fail("a batch of {} can't be divided into {} equal parts", options_.batch, options_.batch_parts);
    }
    if (options_.backward && options_.losses.empty()) fail("a program that runs backward needs a loss");
    if (options_.update_moving && !options_.batch_statistics) {
      fail("moving statistics can be updated only from the batch's statistics");
    }
    if (!options_.batch_statistics) check_moving_statistics();
  }

  void check_moving_statistics() const {
    for (const Node& node : graph_.nodes()) {
      const auto* norm = std::get_if<BatchNorm>(&node.op);
      if (norm == nullptr || norm->moving_mean) continue;
      fail("{}: {} has no moving statistics; it can only be run with the batch's", graph_.name(), node.scope);
    }
  }

  int add_slot(SlotKind kind, NodeId node, Shape shape, Precision type) {
    plan_.slots.push_back({kind, node, std::move(shape), type});
    return static_cast<int>(plan_.slots.size()) - 1;
  }

  void find_gradients_needed() {
    needs_gradient_.resize(graph_.nodes().size());
    for (size_t id = 0; id < graph_.nodes().size(); ++id) {
      const Node& node = graph_.nodes()[id];
      bool needed = false;
      for (const ParameterRef& ref : parameter_refs(node.op)) needed |= graph_.parameter(ref.id).trainable();
      for (const NodeId input : node.inputs) needed |= needs_gradient_[static_cast<size_t>(input)];
      needs_gradient_[id] = needed && options_.backward;
    }
  }

  // In evaluation a batch norm is a fixed scale and shift: a convolution whose value only it reads may apply them
  // before it rounds, which saves a pass and a rounding. The two roundings together are biased where the scale is near
  // 1, as of new batch norms: 0.9995 x rounds back to x every time.
  void find_folds() {
    folded_.assign(graph_.nodes().size(), -1);
    if (options_.batch_statistics || options_.backward) return;
    std::vector<int> readers(graph_.nodes().size(), 0);
    for (const Node& node : graph_.nodes()) {
      for (const NodeId input : node.inputs) ++readers[static_cast<size_t>(input)];
    }
    for (const Output& output : graph_.outputs()) ++readers[static_cast<size_t>(output.node)];
    for (const NodeId node : options_.keep) ++readers[static_cast<size_t>(node)];
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes().size()); ++id) {
      if (!std::holds_alternative<BatchNorm>(graph_.node(id).op)) continue;
      const NodeId input = graph_.node(id).inputs[0];
      const Operator& op = graph_.node(input).op;
      const bool is_convolution = std::holds_alternative<Conv2D>(op) || std::holds_alternative<DepthwiseConv2D>(op);
      if (is_convolution && readers[static_cast<size_t>(input)] == 1 &&
          backend_.folds_batch_norm(graph_, input, options_)) {
        folded_[static_cast<size_t>(input)] = id;
      }
    }
  }

  bool is_folded(NodeId id) const {
    const Node& node = graph_.node(id);
    return !node.inputs.empty() && folded_[static_cast<size_t>(node.inputs[0])] == id;
  }

  Precision value_type(NodeId id) const {
    const Node& node = graph_.node(id);
    if (options_.precision != Precision::kBfloat16) return options_.precision;
    if (gives_float32(node.op)) return Precision::kFloat32;
    if (keeps_input_type(node.op) && !node.inputs.empty()) {
      return plan_.slots[static_cast<size_t>(plan_.value_of[static_cast<size_t>(node.inputs[0])])].type;
    }
    return Precision::kBfloat16;
  }

  void add_forward_steps() {
    plan_.value_of.assign(graph_.nodes().size(), -1);
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes().size()); ++id) {
      const Node& node = graph_.node(id);
      if (std::holds_alternative<Input>(node.op)) {
        plan_.images = add_slot(SlotKind::kImages, id, with_batch(options_.batch, node.shape), options_.precision);
        plan_.value_of[static_cast<size_t>(id)] = plan_.images;
        continue;
      }
      if (is_folded(id)) continue;
      StepPlan step;
      step.node = id;
      step.batch_norm = folded_[static_cast<size_t>(id)];
      const NodeId value = step.batch_norm >= 0 ? step.batch_norm : id;
      for (const NodeId input : node.inputs) step.inputs.push_back(plan_.value_of[static_cast<size_t>(input)]);
      step.output = add_slot(SlotKind::kValue, value, with_batch(options_.batch, node.shape), value_type(id));
      plan_.value_of[static_cast<size_t>(value)] = step.output;
      if (options_.drops) add_mask(node, step);
      step.traits = backend_.traits(graph_, id, options_);
      plan_.steps.push_back(std::move(step));
    }
  }

  void add_mask(const Node& node, StepPlan& step) {
    Shape shape;
    if (std::holds_alternative<DropPath>(node.op)) {
      shape = {options_.batch};
    } else if (std::holds_alternative<Dropout>(node.op)) {
      shape = with_batch(options_.batch, node.shape);
    } else {
      return;
    }
    step.mask = add_slot(SlotKind::kMask, step.node, std::move(shape), Precision::kFloat32);
    plan_.masks.push_back(step.mask);
  }

  void add_loss_steps() {
    for (size_t i = 0; i < options_.losses.size(); ++i) {
      const NodeId logits = graph_.output(options_.losses[i].output);
      if (i == 0) {
        const Shape labels = with_batch(options_.batch, graph_.node(logits).shape);
        plan_.labels = add_slot(SlotKind::kLabels, logits, labels, Precision::kFloat32);
        plan_.weights = add_slot(SlotKind::kWeights, logits, {options_.batch}, Precision::kFloat32);
        plan_.loss = add_slot(SlotKind::kLoss, logits, {1}, Precision::kFloat64);
      } else if (const Shape& first = plan_.slots[static_cast<size_t>(plan_.labels)].shape;
                 first != with_batch(options_.batch, graph_.node(logits).shape)) {
        fail("{}: the outputs {} and {} have losses but not the same classes", graph_.name(), options_.losses[0].output,
             options_.losses[i].output);
      }
      StepPlan step;
      step.node = logits;
      step.loss = static_cast<int>(i);
      step.inputs = {plan_.value_of[static_cast<size_t>(logits)]};
      step.output = plan_.loss;
      step.labels = plan_.labels;
      step.weights = plan_.weights;
      const Slot& value = plan_.slots[static_cast<size_t>(step.inputs[0])];
      if (options_.backward) step.traits.saved = {value.bytes()};
      step.traits.forward_workspace = 2 * value.bytes();
      plan_.steps.push_back(std::move(step));
    }
  }

  int ticks() const { return 2 * static_cast<int>(plan_.steps.size()); }
  int backward_tick(size_t step) const { return ticks() - 1 - static_cast<int>(step); }

  void use(int slot, int tick) {
    Slot& used = plan_.slots[static_cast<size_t>(slot)];
    if (used.begin < 0) used.begin = tick;
    used.end = std::max(used.end, tick);
  }

  bool runs_backward(const StepPlan& step) const {
    return options_.backward && needs_gradient_[static_cast<size_t>(step.node)];
  }

  void set_lifetimes() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const StepPlan& step = plan_.steps[i];
      const int tick = static_cast<int>(i);
      for (const int input : step.inputs) use(input, tick);
      use(step.output, tick);
      for (const int slot : {step.mask, step.labels, step.weights}) {
        if (slot >= 0) use(slot, runs_backward(step) ? backward_tick(i) : tick);
      }
      if (!runs_backward(step)) continue;
      for (const int index : step.traits.keeps_inputs) {
        use(step.inputs[static_cast<size_t>(index)], backward_tick(i));
      }
      if (step.traits.keeps_output) use(step.output, backward_tick(i));
    }
    // What the caller reads stays until the next run.
    for (const Output& output : graph_.outputs()) use(plan_.value_of[static_cast<size_t>(output.node)], ticks());
    for (const NodeId node : options_.keep) use(plan_.value_of[static_cast<size_t>(node)], ticks());
    if (plan_.loss >= 0) use(plan_.loss, ticks());
  }

  // A step may write over an input that nobody reads any more. The storage of a value that has itself been taken over
  // by another one has ended already, so a live slot's storage is its own.
  void choose_overwrites() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      StepPlan& step = plan_.steps[i];
      for (const int index : step.traits.may_overwrite) {
        const int slot = step.inputs[static_cast<size_t>(index)];
        const Slot& input = plan_.slots[static_cast<size_t>(slot)];
        const Slot& output = plan_.slots[static_cast<size_t>(step.output)];
        const bool is_last_use = input.kind == SlotKind::kValue && input.end == static_cast<int>(i);
        const bool once = std::count(step.inputs.begin(), step.inputs.end(), slot) == 1;
        if (is_last_use && once && input.bytes() == output.bytes() && input.type == output.type) {
          step.overwrites = index;
          break;
        }
      }
    }
  }

  void add_backward() {
    std::vector<int> gradient_of(plan_.slots.size(), -1);
    std::vector<bool> written(graph_.parameters().size(), false);
    for (size_t i = plan_.steps.size(); i-- > 0;) {
      StepPlan& step = plan_.steps[i];
      const int tick = backward_tick(i);
      step.output_gradient = step.loss >= 0 ? -1 : gradient_of[static_cast<size_t>(step.output)];
      const bool runs = runs_backward(step) && (step.loss >= 0 || step.output_gradient >= 0);
      step.input_gradients.assign(step.inputs.size(), {});
      if (!runs) {
        step.output_gradient = -1;
        continue;
      }
      if (step.output_gradient >= 0) use(step.output_gradient, tick);
      for (size_t k = 0; k < step.inputs.size(); ++k) add_input_gradient(step, k, tick, gradient_of);
      if (step.loss >= 0) continue;
      for (const ParameterRef& ref : parameter_refs(graph_.node(step.node).op)) {
        if (!graph_.parameter(ref.id).trainable()) continue;
        const bool first = !written[static_cast<size_t>(ref.id)];
        const bool whole = ref.extent == graph_.parameter(ref.id).shape;
        // A part is added to zeros: the rest of the tensor has gradient zero.
        step.parameter_gradients.push_back({ref, first && whole ? GradientWrite::kSet : GradientWrite::kAdd});
        if (first && !whole) zero_before_backward(ref.id);
        written[static_cast<size_t>(ref.id)] = true;
      }
    }
    for (size_t id = 0; id < written.size(); ++id) {
      if (!written[id] && graph_.parameter(static_cast<int>(id)).trainable())
        zero_before_backward(static_cast<int>(id));
    }
  }

  void zero_before_backward(int parameter) {
    const FlatTensor& tensor = layout_.of(parameter);
    plan_.unwritten_gradients.push_back({tensor.offset, tensor.offset + tensor.size});
  }

  void add_input_gradient(StepPlan& step, size_t k, int tick, std::vector<int>& gradient_of) {
    const int value = step.inputs[k];
    const Slot& slot = plan_.slots[static_cast<size_t>(value)];
    if (slot.kind != SlotKind::kValue || !needs_gradient_[static_cast<size_t>(slot.node)]) return;
    int& gradient = gradient_of[static_cast<size_t>(value)];
    const GradientWrite write = gradient < 0 ? GradientWrite::kSet : GradientWrite::kAdd;
    if (gradient < 0) {
      const NodeId node = slot.node;
      const Shape shape = slot.shape;
      const Precision type = slot.type;
      gradient = add_slot(SlotKind::kGradient, node, shape, type);
    }
    step.input_gradients[k] = {gradient, write};
    use(gradient, tick);
  }

  void add_releases() {
    const int last = options_.backward ? ticks() : static_cast<int>(plan_.steps.size());
    for (int slot = 0; slot < static_cast<int>(plan_.slots.size()); ++slot) {
      const Slot& used = plan_.slots[static_cast<size_t>(slot)];
      if (used.end < 0 || used.end >= last || is_external(used.kind)) continue;
      const auto n = static_cast<int>(plan_.steps.size());
      if (used.end < n) {
        plan_.steps[static_cast<size_t>(used.end)].release_after_forward.push_back(slot);
      } else {
        plan_.steps[static_cast<size_t>(ticks() - 1 - used.end)].release_after_backward.push_back(slot);
      }
    }
  }

  // Plays the time line with storages that several slots may share (a value written over another, a gradient passed
  // on), as the frame will.
  void predict_peak() {
    storage_of_.assign(plan_.slots.size(), -1);
    const Slot& images = plan_.slots[static_cast<size_t>(plan_.images)];
    // float32 images are read in place; others are converted into a copy that lives through the run.
    if (images.type != Precision::kFloat32) live_ += images.bytes();
    live_ += bytes_of_copies();
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const StepPlan& step = plan_.steps[i];
      if (runs_backward(step)) live_ += saved_bytes(step);
      if (step.overwrites >= 0) {
        share(step.output, step.inputs[static_cast<size_t>(step.overwrites)]);
      } else if (storage_of_[static_cast<size_t>(step.output)] < 0) {
        allocate(step.output);
      }
      mark(static_cast<int>(i), step.traits.forward_workspace);
      for (const int slot : step.release_after_forward) drop(slot);
    }
    if (!options_.backward) return;
    for (size_t i = plan_.steps.size(); i-- > 0;) {
      const StepPlan& step = plan_.steps[i];
      for (size_t k = 0; k < step.input_gradients.size(); ++k) take_gradient(step, k);
      mark(backward_tick(i), runs_backward(step) ? step.traits.backward_workspace : 0);
      if (runs_backward(step)) live_ -= saved_bytes(step);
      for (const int slot : step.release_after_backward) drop(slot);
    }
  }

  void take_gradient(const StepPlan& step, size_t k) {
    const InputGradient& gradient = step.input_gradients[k];
    if (gradient.slot < 0) return;
    if (gradient.write == GradientWrite::kAdd) {
      const int storage = storage_of_[static_cast<size_t>(gradient.slot)];
      if (users_[static_cast<size_t>(storage)] == 1) return;
      drop(gradient.slot);
      allocate(gradient.slot);
      return;
    }
    const bool in_place = step.traits.gradient_in_place && k == 0 && step.output_gradient >= 0 && is_only_user(step);
    if (in_place || step.traits.gradient_passes_on) {
      share(gradient.slot, step.output_gradient);
    } else {
      allocate(gradient.slot);
    }
  }

  bool is_only_user(const StepPlan& step) const {
    return users_[static_cast<size_t>(storage_of_[static_cast<size_t>(step.output_gradient)])] == 1;
  }

  int64_t bytes_of_copies() const {
    std::set<std::pair<int, Shape>> counted;
    int64_t bytes = 0;
    for (const StepPlan& step : plan_.steps) {
      const ParameterRef& parameter = step.traits.copies;
      if (!parameter || !counted.emplace(parameter.id, parameter.extent).second) continue;
      bytes += element_count(parameter.extent) * type_size(options_.precision);
    }
    return bytes;
  }
  static int64_t saved_bytes(const StepPlan& step) {
    return std::accumulate(step.traits.saved.begin(), step.traits.saved.end(), int64_t{0});
  }
  void allocate(int slot) {
    storage_of_[static_cast<size_t>(slot)] = static_cast<int>(users_.size());
    users_.push_back(1);
    storage_bytes_.push_back(plan_.slots[static_cast<size_t>(slot)].bytes());
    live_ += storage_bytes_.back();
  }
  void share(int slot, int other) {
    const int storage = storage_of_[static_cast<size_t>(other)];
    storage_of_[static_cast<size_t>(slot)] = storage;
    ++users_[static_cast<size_t>(storage)];
  }
  void drop(int slot) {
    const int storage = storage_of_[static_cast<size_t>(slot)];
    if (storage >= 0 && --users_[static_cast<size_t>(storage)] == 0)
      live_ -= storage_bytes_[static_cast<size_t>(storage)];
  }
  void mark(int tick, int64_t workspace) {
    if (live_ + workspace <= plan_.peak_bytes) return;
    plan_.peak_bytes = live_ + workspace;
    plan_.peak_tick = tick;
  }

  const Graph& graph_;
  const ParameterLayout& layout_;
  const Backend& backend_;
  const LowerOptions& options_;
  Plan plan_;
  std::vector<bool> needs_gradient_;
  std::vector<NodeId> folded_;  // the batch norm that a convolution's step does as well, or -1
  std::vector<int> storage_of_;
  std::vector<int> users_;
  std::vector<int64_t> storage_bytes_;
  int64_t live_ = 0;
};

}  // namespace

int64_t Slot::bytes() const { return element_count(shape) * type_size(type); }

Plan make_plan(const Graph& graph, const ParameterLayout& layout, const Backend& backend, const LowerOptions& options) {
  return Planner(graph, layout, backend, options).make();
}

std::string to_text(const Plan& plan, const Graph& graph) {
  std::string text;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const StepPlan& step = plan.steps[i];
    const Node& node = graph.node(step.node);
    text += fmt::format("{:4} {:<16} %{} <- {}", i, step.loss >= 0 ? "Loss" : operator_name(node.op), step.output,
                        fmt::join(step.inputs, " "));
    if (step.batch_norm >= 0) text += "  with BatchNorm";
    if (step.overwrites >= 0) text += fmt::format("  over %{}", step.inputs[static_cast<size_t>(step.overwrites)]);
    if (!step.release_after_forward.empty())
      text += fmt::format("  free {}", fmt::join(step.release_after_forward, " "));
    if (step.output_gradient >= 0 || step.loss >= 0) {
      text += "  | backward";
      for (const InputGradient& gradient : step.input_gradients) {
        if (gradient.slot >= 0)
          text += fmt::format(" {}%{}", gradient.write == GradientWrite::kSet ? "=" : "+", gradient.slot);
      }
      if (!step.release_after_backward.empty())
        text += fmt::format("  free {}", fmt::join(step.release_after_backward, " "));
    }
    text += fmt::format("  [{}]\n", node.scope);
  }
  text += fmt::format("peak {} bytes at tick {}\n", plan.peak_bytes, plan.peak_tick);
  return text;
}

}  // namespace netwright
