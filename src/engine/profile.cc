#include "engine/profile.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "graph/count.h"

namespace netwright {
namespace {

std::string kind_of(const Program& program, const StepPlan& step) {
  if (step.loss >= 0) return "Loss";
  const Operator& op = program.graph().node(step.node).op;
  std::string kind(operator_name(op));
  const Window* window = nullptr;
  if (const auto* conv = std::get_if<Conv2D>(&op)) window = &conv->window;
  if (const auto* depthwise = std::get_if<DepthwiseConv2D>(&op)) window = &depthwise->window;
  if (window != nullptr) kind += fmt::format(" {}x{}", window->kernel_h, window->kernel_w);
  return kind;
}

int64_t parameter_bytes(const ParameterRef& ref) {
  return element_count(ref.extent) * static_cast<int64_t>(sizeof(float));
}

// What a step must do at least; see Profile::Row.
class StepWork {
 public:
  StepWork(const Program& program, const StepPlan& step, const Cost& cost)
      : plan_(program.plan()),
        options_(program.options()),
        step_(step),
        parameters_(parameter_refs(program.graph().node(step.node).op)),
        forward_operations_(2 * cost.multiply_adds * options_.batch) {
    if (step.batch_norm < 0) return;
    std::ranges::copy(parameter_refs(program.graph().node(step.batch_norm).op), std::back_inserter(parameters_));
  }

  // A loss step has its node's cost in the node's own step.
  int64_t operations() const {
    if (step_.loss >= 0) return 0;
    if (!options_.backward) return forward_operations_;
    return forward_operations_ * (1 + wanted_input_gradients() + (step_.parameter_gradients.empty() ? 0 : 1));
  }

  int64_t bytes() const { return forward_bytes() + (options_.backward ? backward_bytes() : 0); }

 private:
  int64_t slot_bytes(int slot) const { return slot < 0 ? 0 : plan_.slots[static_cast<size_t>(slot)].bytes(); }

  int64_t wanted_input_gradients() const {
    return std::ranges::count_if(step_.input_gradients,
                                 [](const InputGradient& gradient) { return gradient.slot >= 0; });
  }

  int64_t all_parameter_bytes() const {
    if (step_.loss >= 0) return 0;
    int64_t sum = 0;
    for (const ParameterRef& ref : parameters_) sum += parameter_bytes(ref);
    return sum;
  }

  int64_t forward_bytes() const {
    int64_t sum = slot_bytes(step_.output) + slot_bytes(step_.mask) + all_parameter_bytes();
    for (const int input : step_.inputs) sum += slot_bytes(input);
    return sum;
  }

  int64_t backward_bytes() const {
    int64_t sum = slot_bytes(step_.output_gradient) + slot_bytes(step_.mask) + all_parameter_bytes();
    for (const int input : step_.traits.keeps_inputs) sum += slot_bytes(step_.inputs[static_cast<size_t>(input)]);
    if (step_.traits.keeps_output) sum += slot_bytes(step_.output);
    for (const InputGradient& gradient : step_.input_gradients) {
      sum += slot_bytes(gradient.slot) * (gradient.write == GradientWrite::kAdd ? 2 : 1);
    }
    for (const ParameterGradient& gradient : step_.parameter_gradients) sum += parameter_bytes(gradient.parameter);
    return sum;
  }

  const Plan& plan_;
  const LowerOptions& options_;
  const StepPlan& step_;
  std::vector<ParameterRef> parameters_;
  int64_t forward_operations_;
};

void sort_longest_first(std::vector<Profile::Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Profile::Row& a, const Profile::Row& b) { return a.seconds() > b.seconds(); });
}

}  // namespace

Profile::Profile(const Program& program) : program_(program) {
  const std::vector<Cost> costs = count_nodes(program.graph());
  for (const StepPlan& step : program.plan().steps) {
    const StepWork work(program, step, costs[static_cast<size_t>(step.node)]);
    rows_.push_back(
        {.kind = kind_of(program, step), .steps = 1, .operations = work.operations(), .bytes = work.bytes()});
  }
}

void Profile::before(size_t, Direction) { began_ = std::chrono::steady_clock::now(); }

void Profile::after(size_t step, Direction direction) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  (direction == Direction::kForward ? rows_[step].forward : rows_[step].backward) += seconds;
}

std::vector<Profile::Row> Profile::by_kind() const {
  std::map<std::string, Row> kinds;
  for (const Row& row : rows_) {
    Row& sum = kinds[row.kind];
    sum.kind = row.kind;
    sum.steps += row.steps;
    sum.forward += row.forward;
    sum.backward += row.backward;
    sum.operations += row.operations;
    sum.bytes += row.bytes;
  }
  std::vector<Row> rows;
  for (auto& [kind, row] : kinds) rows.push_back(std::move(row));
  sort_longest_first(rows);
  return rows;
}

std::vector<Profile::Row> Profile::by_step() const {
  std::vector<Row> rows = rows_;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].kind += " " + program_.graph().node(program_.plan().steps[i].node).scope;
  }
  sort_longest_first(rows);
  return rows;
}

}  // namespace netwright
