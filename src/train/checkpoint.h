// Checkpoints of a training run: TensorBundles model.ckpt-STEP that TensorFlow reads, with everything that a resumed
// run needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/bad_records.h"
#include "engine/backend.h"
#include "engine/parameters.h"

namespace netwright {

// What training changes, by buffer. All must outlive the struct.
struct TrainingBuffers {
  const ParameterLayout* layout = nullptr;
  FlatBuffer* values = nullptr;
  FlatBuffer* averages = nullptr;  // null: none are kept
  OptimizerKind optimizer = OptimizerKind::kRmsProp;
  std::vector<FlatBuffer*> slots;  // in the order of slot_names(optimizer)
};

// How far a run has come. Every random draw is keyed by (seed, step or position, ...), so this is all the state that
// generators and data have.
struct TrainingProgress {
  int64_t step = 0;      // updates done
  int64_t position = 0;  // images consumed: the next one's place in the endless stream of samples
  uint64_t seed = 0;
  double loss_sum = 0.0;   // since the last line of metrics
  int64_t loss_count = 0;  // steps in it
  BadRecordList bad_records;

  bool operator==(const TrainingProgress&) const = default;
};

// Writes MODEL_DIR/model.ckpt-STEP: variables, VARIABLE/SLOT, VARIABLE/ExponentialMovingAverage, global_step, and the
// rest of the progress as netwright/NAME; then the state file; then deletes all but the newest `keep`. Whatever moment
// the process dies at, the state file names a whole checkpoint.
void save_checkpoint(const std::string& model_dir, const TrainingBuffers& buffers, const TrainingProgress& progress,
                     int keep);

// Fills the buffers. A checkpoint without our own tensors (TensorFlow's) gives the step, and the rest as in `fresh`
// with the position step x batch. Throws Error for one that doesn't fit (names missing, extra, of another shape) or is
// damaged.
TrainingProgress restore_checkpoint(const std::string& prefix, const TrainingBuffers& buffers,
                                    const TrainingProgress& fresh, int64_t batch);

}  // namespace netwright
