// The trainer: one loop for every recipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/progress.h"
#include "data/pipeline.h"
#include "data/source.h"
#include "engine/program.h"
#include "train/checkpoint.h"
#include "train/evaluator.h"
#include "train/metrics.h"
#include "train/optimizer.h"
#include "train/recipe.h"
#include "train/run_info.h"

namespace netwright {

struct TrainerOptions {
  std::string model_dir;
  uint64_t seed = 0;
  int data_threads = 1;
  int64_t micro_batches = 1;         // a batch is worked on in so many equal parts, gradients added up
  int64_t log_steps = 100;           // steps between two lines of metrics
  int64_t checkpoint_steps = 0;      // steps between two checkpoints; 0: by time alone
  double checkpoint_minutes = 10.0;  // minutes between two checkpoints; 0: by steps alone
  int checkpoints_kept = 5;
  int64_t eval_steps = 0;  // steps between two evaluations; 0: at the end only
  int64_t eval_batch = 100;
  int64_t histogram_steps = 0;       // steps between two sets of histograms in the events; 0: none
  int64_t max_bad_records = 100;     // of the training data; they are replaced
  int64_t max_eval_bad_records = 0;  // they are left out
  bool archive = true;               // keep a copy of the best checkpoint (archive_best)
};

struct TrainData {
  std::shared_ptr<const ImageSource> train;
  std::shared_ptr<const ImageSource> eval;  // null: nothing is evaluated
  std::string eval_name = {};               // what --eval_data said
};

struct TrainOutcome {
  int64_t step = 0;      // updates done in all
  bool already = false;  // the run was complete before
  int signal = 0;        // the signal that ended it early, or 0
};

// Throws Error unless a batch can be worked on in so many equal parts.
void check_micro_batches(int64_t batch, int64_t parts);

// Holds model_dir locked from its construction on.
class Trainer {
 public:
  // Takes the state of the newest checkpoint, if there is one. `info` describes the run and is written to run.json; a
  // run that is there already must be the same (check_continues). Throws Error when the folder can't be written or is
  // in use, or the checkpoint is damaged or another network's; what is in the folder then stays as it was.
  Trainer(const Recipe& recipe, const TrainData& data, const TrainerOptions& options, const RunInfo& info,
          Backend& backend);
  ~Trainer();

  // Goes on until the recipe's last step, or until a signal asks to stop (StopSignals). Throws Error when the loss or
  // the weights stop being finite, when a checkpoint can't be written, or when the data have more bad records than
  // allowed; the last checkpoint then stays, and the message names it.
  TrainOutcome train();

  // Bytes of the plan's peak and the flat buffers.
  int64_t predicted_bytes() const;
  const FlatBuffer& values() const { return *values_; }
  const FlatBuffer* averages() const { return averages_.get(); }

 private:
  using Clock = std::chrono::steady_clock;

  void prepare_folder(const RunInfo& info);
  void restore_or_initialize();
  TrainingBuffers buffers();
  void start_data();

  // Null when a signal came. Damaged data end a run, but what was done stays.
  Batch* next_batch();
  void train_step(const Batch& batch);
  void run_micro_batch(const Batch& batch, int64_t part);
  void collect_loss();
  void finish_loss();

  bool due(int64_t every) const { return every > 0 && progress_.step % every == 0; }
  void log_metrics();
  void log_histograms();
  void show_progress(bool always);
  // Calls `write`; an Error then names the step and the last good checkpoint.
  void write_or_fail(const std::function<void()>& write) const;
  bool checkpoint_is_due() const;
  void save();
  // "; the last good checkpoint is DIR/model.ckpt-STEP", or that there is none.
  std::string last_good_checkpoint() const;
  bool all_finite();
  EvalMark evaluation_mark() const;
  void evaluate();
  // A run that was ended in an evaluation makes up for it.
  void evaluate_if_missing();

  Recipe recipe_;
  TrainData data_;
  TrainerOptions options_;
  Backend& backend_;
  std::unique_ptr<FileLock> lock_;
  ScheduleSettings schedule_;
  std::unique_ptr<Program> program_;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<FlatBuffer> values_;
  std::unique_ptr<FlatBuffer> gradients_;
  std::unique_ptr<FlatBuffer> averages_;
  std::vector<float> labels_;   // one-hot rows of a micro-batch
  std::vector<float> weights_;  // 1 / batch each
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<MetricsLog> metrics_;
  std::unique_ptr<MetricsLog> eval_metrics_;
  std::unique_ptr<Progress> display_;

  TrainingProgress progress_;
  int64_t saved_step_ = -1;
  Clock::time_point saved_at_;
  double step_loss_ = 0.0;       // of the micro-batches read so far
  bool loss_is_unread_ = false;  // the program holds the loss of its last run
  double last_loss_ = 0.0;
  double l2_loss_ = 0.0;  // of the weights that the last step began with, if the step is logged
  Clock::time_point logged_at_;
  int64_t logged_step_ = 0;
  double logged_wait_ = 0.0;
};

}  // namespace netwright
