// SIGTERM and SIGINT: the first asks a run to finish its step and save, a second ends the process at once.
#pragma once

#include "data/pipeline.h"

namespace netwright {

// Handles the two signals for as long as it lives; one at a time. A handler may do almost nothing safely, so it only
// sets a flag, which the trainer looks at between two steps.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The signal that came, or 0.
  static int received();
};

// The next batch; null at the end of the data, and when a signal comes while the batch is waited for.
Batch* await_batch(Pipeline& pipeline);

}  // namespace netwright
