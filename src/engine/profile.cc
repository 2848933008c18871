#include "engine/profile.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

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

void sort_longest_first(std::vector<Profile::Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Profile::Row& a, const Profile::Row& b) { return a.seconds() > b.seconds(); });
}

}  // namespace

Profile::Profile(const Program& program) : program_(program) {
  for (const StepPlan& step : program.plan().steps) rows_.push_back({.kind = kind_of(program, step), .steps = 1});
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
