// How a golden case was trained, from whichever description of it the case has.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "support/golden.h"

namespace netwright::golden {

struct TrainingSpec {
  int64_t steps = 0;
  double label_smoothing = 0.1;
  double weight_decay = 1e-5;
  double average_decay = 0.9999;  // 0: no averages
  bool averages_moving = true;    // of the moving statistics, too
  bool loss_has_l2 = true;        // the losses that the case holds
  OptimizerUpdate optimizer;
  std::vector<std::string> slots;      // their suffixes, in the optimizer's order
  std::string missing;                 // why the steps can't be run: an optimizer that the product has yet to get
  std::string unknown;                 // the same of one that is in no list: a mistake
  std::function<float(int64_t)> rate;  // of a step; empty: the case's own are used
};

TrainingSpec training_spec(const Case& golden_case);

}  // namespace netwright::golden
