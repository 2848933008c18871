// Holds what a program computed against what a golden case has, by the golden files' tolerance rule, and counts.
#pragma once

#include <map>
#include <span>
#include <string>

#include "parity/run_case.h"
#include "support/golden.h"

namespace netwright::golden {

// The rule's floor, and the wider one that single tensors of a group may need.
struct Floor {
  double rule;
  double wide;
};

// What training changed: of a group's changes that stand out of the noise `share` must be right, each but for `part` of
// itself, and half of them but for `half_part`.
struct ChangeRule {
  double half_part;
  double part;
  double share;
};

// A tensor after a pass or after the last step, of which the case has the norm and a dot product.
struct Summarised {
  std::string kind;  // of the entries: "train", "grad", "update"
  std::string name;
  std::string group;  // within the kind; may be empty
  std::span<const float> found;
  std::span<const float> initial;  // before training; empty: its change isn't judged
  Floor floor;
};

class Comparison {
 public:
  Comparison(const Case& golden_case, ChangeRule changes) : case_(golden_case), changes_(changes) {}

  void note(const std::string& name, double difference, double tolerance);
  // max |a - b| / max |a|.
  void tensor(const std::string& name, const std::string& group, std::span<const float> found, double floor);
  void norm_and_dot(const Summarised& tensor);
  void fail(std::string line) { result_.failures.push_back(std::move(line)); }
  void leave_out(std::string line) { result_.left_out.push_back(std::move(line)); }
  void count_unreliable(int values) { result_.unreliable += values; }

  // Checks the groups as wholes, too.
  CaseResult finish();

 private:
  struct Group {
    int compared = 0;
    int within_rule = 0;
    int changes = 0;
    int judged = 0;  // those that stand out of the noise
    int right = 0;
    int very_right = 0;  // to half_part
  };
  struct Value {
    double wanted;
    double found;
    double initial;
  };
  double least_unit(const std::string& entry) const;
  void judge_change(Group& group, const Value& value, double noise) const;
  void check_group(const std::string& name, const Group& group);
  void check_share(const std::string& name, const Group& group, int right, double part, double share);

  const Case& case_;
  ChangeRule changes_;
  std::map<std::string, Group> groups_;
  CaseResult result_;
};

}  // namespace netwright::golden
