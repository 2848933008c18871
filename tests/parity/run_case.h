// Runs one golden case of a network on a backend and compares everything that the case holds.
#pragma once

#include <string>
#include <vector>

#include "engine/backend.h"
#include "support/golden.h"

namespace netwright::golden {

struct CaseResult {
  int compared = 0;    // values held against the case
  int unreliable = 0;  // not compared: the original doesn't reproduce them, or their tolerance would pass anything
  double worst = 0.0;  // the largest difference as a part of its tolerance
  std::string worst_name;
  std::vector<std::string> changes;   // in training, of each group "NAME VERY RIGHT/RIGHT/JUDGED/ALL"
  std::vector<std::string> left_out;  // what of the case wasn't compared, and why
  std::vector<std::string> failures;  // one line each
};

CaseResult run_case(const Case& golden_case, const Graph& graph, Backend& backend);

}  // namespace netwright::golden
