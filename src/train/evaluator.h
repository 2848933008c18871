// Evaluation: every image exactly once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/bad_records.h"
#include "data/source.h"
#include "engine/program.h"
#include "train/metrics.h"
#include "train/run_info.h"

namespace netwright {

struct EvalOptions {
  InputSpec input;
  int64_t batch = 100;
  Precision precision = Precision::kFloat32;
  double label_smoothing = 0.0;
  double weight_decay = 0.0;
  int data_threads = 1;
  int64_t max_bad_records = 0;  // left out
};

// Sums over images.
struct EvalCounts {
  int64_t images = 0;
  int64_t top1 = 0;
  int64_t top5 = 0;
  double cross_entropy = 0.0;  // against the labels themselves
  double smoothed = 0.0;       // against smoothed ones
  int64_t not_finite = 0;      // images whose logits aren't
};

struct EvalResult {
  int64_t images = 0;
  double top1 = 0.0;           // share in [0, 1]
  double top5 = 0.0;           // share in [0, 1]
  double cross_entropy = 0.0;  // mean, in nats
  double loss = 0.0;           // as the originals report it: with label smoothing and weight decay
  BadRecordList bad_records;   // what is not among the images
  int64_t not_finite = 0;      // images whose logits aren't: then the losses mean nothing
};

// Adds images' logits, [labels.size(), classes]. Top-1: the label has the largest logit, of equal ones the first.
// Top-5: fewer than five logits are strictly larger. Logits that aren't finite count as wrong. Rows with label -1 are
// left out.
void count_logits(std::span<const float> logits, std::span<const int32_t> labels, double label_smoothing,
                  EvalCounts& counts);

// What an evaluation was of, so that those who look for theirs can tell it from others of the same step.
struct EvalMark {
  std::string by;  // the command
  DataFingerprint data;
  bool averaged = false;
};

// A line of an evaluation's metrics, under the originals' tags.
void write_result(MetricsLog& log, int64_t step, const EvalResult& result, const EvalMark& mark);
// Whether FOLDER/metrics.jsonl has the line of such an evaluation.
bool has_result(const std::string& folder, int64_t step, const EvalMark& mark);

class Evaluator {
 public:
  Evaluator(const Graph& graph, Backend& backend, std::shared_ptr<const ImageSource> source,
            const EvalOptions& options);

  // With these values (raw or averaged). Nothing when a signal asked the process to stop (StopSignals). Throws Error
  // when there are more bad records than allowed, or nothing but bad records.
  std::optional<EvalResult> evaluate(FlatBuffer& values);

  const Program& program() const { return program_; }

 private:
  EvalOptions options_;
  Backend& backend_;
  std::shared_ptr<const ImageSource> source_;
  Program program_;
};

}  // namespace netwright
