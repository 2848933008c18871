#include "parity/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "support/testing.h"

namespace netwright::golden {
namespace {

// The share of a group's values that must keep the rule itself; see Floors in run_case.cc.
constexpr double kMostWithin = 0.7;
// A tolerance from here on passes zeros, too: no comparison.
constexpr double kPassesAll = 1.0;
// A change must be larger than this part of the tensor's norm to be judged, whatever its own noise, which is one sample
// and may be 0: variables are float32.
constexpr double kLeastChange = 1e-7;

}  // namespace

void Comparison::note(const std::string& name, double difference, double tolerance) {
  ++result_.compared;
  const double part = difference / tolerance;
  if (!(part <= result_.worst)) {
    result_.worst = part;
    result_.worst_name = name;
  }
  if (!(difference <= tolerance)) {
    fail(fmt::format("{}: difference {:.3g}, tolerance {:.3g}", name, difference, tolerance));
  }
}

void Comparison::tensor(const std::string& name, const std::string& group, std::span<const float> found, double floor) {
  const std::vector<float> wanted = case_.tensors->read_floats(name);
  if (wanted.size() != found.size()) {
    fail(fmt::format("{}: {} values, expected {}", name, found.size(), wanted.size()));
    return;
  }
  note(name, test::relative_difference(wanted, found), case_.tolerance(group, name, false, floor));
}

double Comparison::least_unit(const std::string& entry) const {
  const auto units = case_.json.find("least_unit");
  return units == case_.json.end() ? 0.0 : units->value(entry, 0.0);
}

void Comparison::norm_and_dot(const Summarised& tensor) {
  const std::string entry = tensor.kind + "/" + tensor.name;
  if (case_.is_unreliable(entry)) {
    count_unreliable(2);
    return;
  }
  const bool has_initial = !tensor.initial.empty();
  std::array<Value, 2> values = {};
  for (size_t i = 0; i < tensor.found.size(); ++i) {
    const double sign = symmetric(tensor.name, i);
    const double found = tensor.found[i];
    const double initial = has_initial ? tensor.initial[i] : 0.0;
    values[0].found += found * found;
    values[0].initial += initial * initial;
    values[1].found += found * sign;
    values[1].initial += initial * sign;
  }
  values[0].found = std::sqrt(values[0].found);
  values[0].initial = std::sqrt(values[0].initial);
  const std::array<std::string, 2> which = {"norm", "dot"};
  for (size_t i = 0; i < 2; ++i) {
    values[i].wanted = case_.tensors->read_doubles(tensor.kind + "/" + which[i] + "/" + tensor.name)[0];
  }
  const double norm = std::max(values[0].wanted, least_unit(entry));
  const double unit = norm > 0 ? norm : 1.0;
  const std::string suffix = tensor.group.empty() ? "" : " " + tensor.group;
  for (size_t i = 0; i < 2; ++i) {
    const std::string noise_group = tensor.kind + "/" + which[i] + suffix;
    const double rule = case_.tolerance(noise_group, entry, i == 1, tensor.floor.rule);
    if (rule >= kPassesAll) {
      count_unreliable(1);
      continue;
    }
    const double difference = std::abs(values[i].found - values[i].wanted) / unit;
    Group& group = groups_[tensor.kind + suffix];
    ++group.compared;
    if (difference <= rule) ++group.within_rule;
    if (has_initial) judge_change(group, values[i], case_.tolerance(noise_group, entry, i == 1, kLeastChange) * unit);
    const double tolerance = std::max({rule, tensor.floor.wide, 10 * case_.operation_noise(entry)});
    if (tolerance < kPassesAll) {
      note(tensor.kind + "/" + which[i] + "/" + tensor.name, difference, tolerance);
    } else {
      count_unreliable(1);  // by itself: its group still counts it
    }
  }
}

// Either side's change makes it stand out, so that a tensor that only one of them touched is wrong by all of it.
void Comparison::judge_change(Group& group, const Value& value, double noise) const {
  ++group.changes;
  const double change = std::max(std::abs(value.wanted - value.initial), std::abs(value.found - value.initial));
  if (change <= noise) return;
  ++group.judged;
  const double off = std::abs(value.found - value.wanted);
  if (off <= changes_.part * change) ++group.right;
  if (off <= changes_.half_part * change) ++group.very_right;
}

void Comparison::check_share(const std::string& name, const Group& group, int right, double part, double share) {
  if (right >= share * group.judged) return;
  fail(fmt::format("{}: {} of {} changes are right but for {:.0f} %, expected {:.0f} % of them", name, right,
                   group.judged, 100 * part, 100 * share));
}

void Comparison::check_group(const std::string& name, const Group& group) {
  if (group.within_rule < kMostWithin * group.compared) {
    fail(fmt::format("{}: {} of {} values keep the rule, expected {:.0f} %", name, group.within_rule, group.compared,
                     100 * kMostWithin));
  }
  check_share(name, group, group.right, changes_.part, changes_.share);
  check_share(name, group, group.very_right, changes_.half_part, 0.5);
  if (group.changes == 0) return;
  if (group.judged == 0) leave_out(fmt::format("changes of {}: none stands out of the noise", name));
  result_.changes.push_back(
      fmt::format("{} {}/{}/{}/{}", name, group.very_right, group.right, group.judged, group.changes));
}

CaseResult Comparison::finish() {
  for (const auto& [name, group] : groups_) check_group(name, group);
  return std::move(result_);
}

}  // namespace netwright::golden
