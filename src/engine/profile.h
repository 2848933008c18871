// Where a Program's time goes, step by step.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/program.h"

namespace netwright {

// Adds up the wall time of a Program's steps while it observes it (Program::set_observer). A device that works on its
// own is not waited for: there the time is that of handing it the work.
class Profile : public StepObserver {
 public:
  explicit Profile(const Program& program);

  void before(size_t step, Direction direction) override;
  void after(size_t step, Direction direction) override;

  struct Row {
    std::string kind;  // "Conv2D 1x1", "BatchNorm", "Loss"
    int64_t steps = 0;
    double forward = 0.0;   // seconds
    double backward = 0.0;  // seconds
    // Of one run of the Program, forward and backward: two operations for each multiply-add (graph/count.h), once for
    // the value, once for each gradient.
    int64_t operations = 0;
    // Likewise: what its values, gradients and parameters take, each counted as often as it must be read or written at
    // least. A step that goes over a tensor twice moves more.
    int64_t bytes = 0;
    double seconds() const { return forward + backward; }
  };
  // One row a kind of operator (with its window), the longest first.
  std::vector<Row> by_kind() const;
  // One row a step, named "KIND SCOPE".
  std::vector<Row> by_step() const;

 private:
  const Program& program_;
  std::vector<Row> rows_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace netwright
