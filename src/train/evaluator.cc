#include "train/evaluator.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/progress.h"
#include "data/pipeline.h"
#include "train/signals.h"

namespace netwright {
namespace {

constexpr int64_t kTop = 5;

// log of the sum of exponentials.
double log_sum_exp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float z : logits) sum += std::exp(static_cast<double>(z) - largest);
  return largest + std::log(sum);
}

void count_row(std::span<const float> logits, int32_t label, double label_smoothing, EvalCounts& counts) {
  const float own = logits[static_cast<size_t>(label)];
  int64_t larger = 0;
  bool first = true;
  bool finite = true;
  double sum = 0.0;
  for (size_t k = 0; k < logits.size(); ++k) {
    finite = finite && std::isfinite(logits[k]);
    larger += logits[k] > own ? 1 : 0;
    first = first && !(logits[k] == own && k < static_cast<size_t>(label));
    sum += logits[k];
  }
  const double normaliser = log_sum_exp(logits);
  const double mean = sum / static_cast<double>(logits.size());
  counts.images += 1;
  counts.not_finite += finite ? 0 : 1;
  counts.top1 += finite && larger == 0 && first ? 1 : 0;
  counts.top5 += finite && larger < kTop ? 1 : 0;
  counts.cross_entropy += normaliser - own;
  counts.smoothed += normaliser - (1.0 - label_smoothing) * own - label_smoothing * mean;
}

// The path of the data may be written in another way; what they are is in the samples.
std::vector<MetricNote> identity(const EvalMark& mark) {
  return {{"by", mark.by}, {"weights", mark.averaged ? "averaged" : "raw"}, {"samples", mark.data.samples}};
}

}  // namespace

void count_logits(std::span<const float> logits, std::span<const int32_t> labels, double label_smoothing,
                  EvalCounts& counts) {
  const size_t classes = logits.size() / std::max<size_t>(1, labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    count_row(logits.subspan(i * classes, classes), labels[i], label_smoothing, counts);
  }
}

void write_result(MetricsLog& log, int64_t step, const EvalResult& result, const EvalMark& mark) {
  std::vector<MetricNote> notes = identity(mark);
  notes.push_back({"data", mark.data.data});
  log.write(step,
            {{"top_1_accuracy", result.top1},
             {"top_5_accuracy", result.top5},
             {"loss", result.loss},
             {"cross_entropy", result.cross_entropy}},
            notes);
}

bool has_result(const std::string& folder, int64_t step, const EvalMark& mark) {
  return has_metrics(folder, step, identity(mark));
}

Evaluator::Evaluator(const Graph& graph, Backend& backend, std::shared_ptr<const ImageSource> source,
                     const EvalOptions& options)
    : options_(options),
      backend_(backend),
      source_(std::move(source)),
      program_(graph, backend, inference_options(options.batch, options.precision)) {}

std::optional<EvalResult> Evaluator::evaluate(FlatBuffer& values) {
  PipelineOptions pipeline_options{.spec = options_.input,
                                   .batch = options_.batch,
                                   .classes = program_.graph().classes(),
                                   .training = false,
                                   .threads = options_.data_threads,
                                   .skip_bad_records = true};
  Pipeline pipeline(source_, pipeline_options);
  Progress progress("evaluating", "images", pipeline.size());
  const NodeId logits_node = program_.graph().output("logits");
  const auto classes = static_cast<size_t>(program_.graph().classes());
  const auto pixels = static_cast<size_t>(options_.batch * options_.input.height * options_.input.width * 3);
  EvalCounts counts;
  BadRecordList bad_records;
  while (Batch* batch = await_batch(pipeline)) {
    count_bad_records(bad_records, batch->bad_records, options_.max_bad_records);
    program_.set_images({batch->images, pixels});
    program_.forward(values);
    const std::vector<float> logits = program_.read(logits_node);
    const auto valid = static_cast<size_t>(batch->valid);
    count_logits(std::span(logits).first(valid * classes), std::span(batch->labels).first(valid),
                 options_.label_smoothing, counts);
    pipeline.recycle(batch);
    progress.update(counts.images + static_cast<int64_t>(bad_records.size()));
    if (StopSignals::received() != 0) break;
  }
  if (StopSignals::received() != 0) return std::nullopt;
  progress.finish();
  if (counts.images == 0)
    fail("all {} images are bad records; the first: {}", bad_records.size(), bad_records[0].reason);
  const auto images = static_cast<double>(counts.images);
  const double decay = backend_.l2_loss(values, program_.layout().l2_ranges(options_.weight_decay));
  return EvalResult{counts.images,
                    static_cast<double>(counts.top1) / images,
                    static_cast<double>(counts.top5) / images,
                    counts.cross_entropy / images,
                    counts.smoothed / images + decay,
                    std::move(bad_records),
                    counts.not_finite};
}

}  // namespace netwright
