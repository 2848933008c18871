// The best checkpoint of a run, kept apart from the newest ones, which come and go.
#pragma once

#include <cstdint>
#include <string>

#include "train/evaluator.h"

namespace netwright {

// As EfficientNet's and MnasNet's archive_ckpt, by top-1 accuracy: unless MODEL_DIR/best_objective.txt (six decimals)
// is strictly larger, MODEL_DIR/archive gets the files of the checkpoint `prefix`, a state file that names it, and
// best_eval.txt; best_objective.txt is written last. Several processes may do this for one run. Files are linked where
// the file system can, so that an archive costs no space while its checkpoint is there. Whatever moment the process
// dies at, a whole archive stays. Throws Error when the disk is full; then the old archive stays.
// False when the archive is better, or the checkpoint no longer there.
bool archive_best(const std::string& model_dir, const std::string& prefix, const EvalResult& result, int64_t step);

}  // namespace netwright
