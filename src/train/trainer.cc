#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "formats/checkpoint_state.h"
#include "train/archive.h"
#include "train/run_pictures.h"
#include "train/signals.h"

namespace netwright {
namespace {

double seconds_since(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count();
}

std::unique_ptr<Program> lower_training(const Recipe& recipe, int64_t micro_batch, Backend& backend) {
  Graph graph = build_model(recipe.model, recipe.model_options);
  LowerOptions options = training_options(graph, micro_batch, recipe.precision.value, recipe.label_smoothing.value);
  return std::make_unique<Program>(std::move(graph), backend, std::move(options));
}

}  // namespace

void check_micro_batches(int64_t batch, int64_t parts) {
  if (parts < 1 || batch % parts != 0) fail("a batch of {} images can't be worked on in {} equal parts", batch, parts);
}

Trainer::Trainer(const Recipe& recipe, const TrainData& data, const TrainerOptions& options, const RunInfo& info,
                 Backend& backend)
    : recipe_(recipe), data_(data), options_(options), backend_(backend), schedule_(recipe.schedule()) {
  const int64_t batch = recipe.batch.value;
  check_micro_batches(batch, options.micro_batches);
  prepare_folder(info);
  program_ = lower_training(recipe, batch / options.micro_batches, backend);
  const ParameterLayout& layout = program_->layout();
  optimizer_ = std::make_unique<Optimizer>(recipe.optimizer_settings(), layout, recipe.weight_decay.value, backend);
  values_ = backend.make_buffer(layout.size(), 0.0F);
  gradients_ = backend.make_buffer(layout.trainable_size(), 0.0F);
  if (recipe.keeps_averages()) averages_ = backend.make_buffer(layout.size(), 0.0F);
  const auto rows = static_cast<size_t>(program_->options().batch);
  labels_.resize(rows * static_cast<size_t>(program_->graph().classes()));
  weights_.assign(rows, 1.0F / static_cast<float>(batch));
  restore_or_initialize();
  // Last: a run that is refused keeps its own description.
  write_run_info(options_.model_dir, info);
}

Trainer::~Trainer() = default;

void Trainer::prepare_folder(const RunInfo& info) {
  make_writable_folder(options_.model_dir);
  lock_ = std::make_unique<FileLock>(options_.model_dir + "/.lock", options_.model_dir);
  const std::optional<RunInfo> old = read_run_info(options_.model_dir);
  if (old) check_continues(*old, info, options_.model_dir);
  remove_unfinished_checkpoints(options_.model_dir);
}

int64_t Trainer::predicted_bytes() const {
  int64_t elements = values_->size() + gradients_->size() + (averages_ ? averages_->size() : 0);
  for (const auto& slot : optimizer_->slots()) elements += slot->size();
  return program_->plan().peak_bytes + elements * static_cast<int64_t>(sizeof(float));
}

TrainingBuffers Trainer::buffers() {
  TrainingBuffers buffers{&program_->layout(), values_.get(), averages_.get(), recipe_.optimizer.value, {}};
  for (const auto& slot : optimizer_->slots()) buffers.slots.push_back(slot.get());
  return buffers;
}

void Trainer::restore_or_initialize() {
  progress_ = {.seed = options_.seed};
  const std::optional<std::string> newest = latest_checkpoint(options_.model_dir);
  if (newest) {
    progress_ = restore_checkpoint(*newest, buffers(), progress_, recipe_.batch.value);
    saved_step_ = progress_.step;
    return;
  }
  std::vector<float> initial(static_cast<size_t>(values_->size()));
  initialize_parameters(program_->layout(), options_.seed, initial);
  values_->upload(0, initial);
  if (averages_) backend_.copy(*averages_, *values_);
}

void Trainer::start_data() {
  const PipelineOptions options{.spec = recipe_.input,
                                .batch = recipe_.batch.value,
                                .classes = program_->graph().classes(),
                                .training = true,
                                .augment = recipe_.augment(),
                                .seed = progress_.seed,
                                .threads = options_.data_threads,
                                .skip_bad_records = true};
  pipeline_ = std::make_unique<Pipeline>(data_.train, options, progress_.position);
}

TrainOutcome Trainer::train() {
  if (saved_step_ >= 0) log_info("{}: continuing after step {}", options_.model_dir, progress_.step);
  metrics_ = std::make_unique<MetricsLog>(options_.model_dir, progress_.step);
  if (data_.eval) eval_metrics_ = std::make_unique<MetricsLog>(options_.model_dir + "/eval", progress_.step);
  const int64_t last_step = recipe_.train_steps.value;
  evaluate_if_missing();
  if (progress_.step >= last_step) {
    return {.step = progress_.step, .already = true, .signal = StopSignals::received()};
  }
  log_info("training needs {} (predicted peak)", format_bytes(predicted_bytes()));
  start_data();
  const int64_t batch_size = recipe_.batch.value;
  display_ = std::make_unique<Progress>("training", "images", last_step * batch_size, progress_.step * batch_size);
  saved_at_ = logged_at_ = Clock::now();
  const int64_t first_step = logged_step_ = progress_.step;
  while (progress_.step < last_step && StopSignals::received() == 0) {
    Batch* batch = next_batch();
    if (batch == nullptr) break;
    if (progress_.step == first_step) {
      write_or_fail([&] {
        write_first_batch(metrics_->events(), *batch, recipe_.input, data_.train->class_names(), first_step);
      });
    }
    train_step(*batch);
    pipeline_->recycle(batch);
    show_progress(progress_.step == last_step);
    if (due(options_.histogram_steps)) log_histograms();
    if (due(options_.log_steps) || progress_.step == last_step) log_metrics();
    if (due(options_.eval_steps) && progress_.step < last_step) evaluate();
    if (checkpoint_is_due()) save();
  }
  finish_loss();
  if (logged_step_ != progress_.step) show_progress(true);
  display_->finish();
  save();
  if (StopSignals::received() == 0) evaluate();
  report_bad_records(progress_.bad_records, "replaced by other images");
  return {.step = progress_.step, .already = false, .signal = StopSignals::received()};
}

Batch* Trainer::next_batch() {
  try {
    Batch* batch = await_batch(*pipeline_);
    if (batch != nullptr) count_bad_records(progress_.bad_records, batch->bad_records, options_.max_bad_records);
    return batch;
  } catch (const Error&) {
    save();
    throw;
  }
}

void Trainer::train_step(const Batch& batch) {
  const float rate = learning_rate(schedule_, progress_.step);
  for (int64_t part = 0; part < options_.micro_batches; ++part) run_micro_batch(batch, part);
  const bool logged = (progress_.step + 1) % options_.log_steps == 0 || progress_.step + 1 == recipe_.train_steps.value;
  if (logged) l2_loss_ = optimizer_->l2_loss(*values_);
  optimizer_->update(*values_, *gradients_, rate);
  progress_.step += 1;
  progress_.position = batch.position + recipe_.batch.value;
  if (averages_) backend_.average(*averages_, *values_, average_decay(recipe_.average_decay.value, progress_.step));
}

void Trainer::run_micro_batch(const Batch& batch, int64_t part) {
  const int64_t rows = program_->options().batch;
  const Shape& shape = program_->graph().input_shape();
  const auto pixels = static_cast<size_t>(rows * element_count(shape));
  const auto first = static_cast<size_t>(part * rows);
  one_hot(std::span(batch.labels).subspan(first, static_cast<size_t>(rows)), program_->graph().classes(), labels_);
  // A device may still be busy with the run before: its loss is read only now.
  part == 0 ? finish_loss() : collect_loss();
  program_->set_images({batch.images + static_cast<size_t>(part) * pixels, pixels});
  program_->set_labels(labels_);
  program_->set_weights(weights_);
  program_->draw_masks(progress_.seed, static_cast<uint64_t>(progress_.step),
                       static_cast<uint64_t>(batch.position) + first,
                       static_cast<double>(progress_.step) / static_cast<double>(recipe_.train_steps.value));
  program_->forward(*values_);
  program_->backward(*values_, *gradients_, part > 0);
  loss_is_unread_ = true;
}

void Trainer::collect_loss() {
  if (!loss_is_unread_) return;
  step_loss_ += program_->loss();
  loss_is_unread_ = false;
}

void Trainer::finish_loss() {
  if (!loss_is_unread_) return;
  collect_loss();
  if (!std::isfinite(step_loss_)) {
    fail("step {}: the loss is {}; {}; a smaller --base_learning_rate or a longer --lr_warmup_epochs may help",
         progress_.step, step_loss_, last_good_checkpoint());
  }
  last_loss_ = step_loss_;
  progress_.loss_sum += step_loss_;
  progress_.loss_count += 1;
  step_loss_ = 0.0;
}

void Trainer::write_or_fail(const std::function<void()>& write) const {
  try {
    write();
  } catch (const Error& error) {
    fail("step {}: {}; {}", progress_.step, error.what(), last_good_checkpoint());
  }
}

void Trainer::log_metrics() {
  finish_loss();
  const double mean = progress_.loss_sum / static_cast<double>(progress_.loss_count);
  const double seconds = seconds_since(logged_at_);
  const double images = static_cast<double>((progress_.step - logged_step_) * recipe_.batch.value);
  const double waited = pipeline_->wait_seconds() - logged_wait_;
  // The loss is the mean of the steps' cross-entropies, and the weight decay of the weights before the last update, as
  // the originals' has it. The last three tell of the machine; all others are the same each time a run is repeated.
  write_or_fail([&] {
    metrics_->write(progress_.step, {{"epoch", static_cast<double>(progress_.step) / schedule_.steps_per_epoch},
                                     {"loss", mean + l2_loss_},
                                     {"cross_entropy", mean},
                                     {"learning_rate", learning_rate(schedule_, progress_.step - 1)},
                                     {"seconds", seconds},
                                     {"examples/sec", images / seconds},
                                     {"waiting_for_data", waited / seconds}});
  });
  progress_.loss_sum = 0.0;
  progress_.loss_count = 0;
  logged_at_ = Clock::now();
  logged_step_ = progress_.step;
  logged_wait_ = pipeline_->wait_seconds();
}

void Trainer::log_histograms() {
  const ParameterLayout& layout = program_->layout();
  write_or_fail([&] {
    write_histograms(metrics_->events(), "weights", layout, *values_, progress_.step);
    // As the optimiser took them, with weight decay.
    write_histograms(metrics_->events(), "gradients", layout, *gradients_, progress_.step);
  });
}

void Trainer::show_progress(bool always) {
  // A device may still be busy with the step, and its loss must be waited for: only for a line that is seen.
  if (!always && !display_->is_due()) return;
  finish_loss();
  const double waited = pipeline_->wait_seconds() - logged_wait_;
  display_->update(progress_.step * recipe_.batch.value,
                   fmt::format("step {}, loss {:.3f}, waiting for data {:.0f} %", progress_.step, last_loss_,
                               100.0 * waited / std::max(1e-3, seconds_since(logged_at_))));
}

bool Trainer::checkpoint_is_due() const {
  if (due(options_.checkpoint_steps)) return true;
  return options_.checkpoint_minutes > 0.0 && seconds_since(saved_at_) >= 60.0 * options_.checkpoint_minutes;
}

void Trainer::save() {
  finish_loss();
  saved_at_ = Clock::now();
  if (saved_step_ == progress_.step) return;
  if (!all_finite()) {
    fail(
        "step {}: the weights are no longer finite, so they are not saved; {}; a smaller --base_learning_rate or a "
        "longer --lr_warmup_epochs may help",
        progress_.step, last_good_checkpoint());
  }
  try {
    metrics_->sync();
    save_checkpoint(options_.model_dir, buffers(), progress_, options_.checkpoints_kept);
  } catch (const Error& error) {
    fail("step {} can't be saved: {}; {}", progress_.step, error.what(), last_good_checkpoint());
  }
  saved_step_ = progress_.step;
}

std::string Trainer::last_good_checkpoint() const {
  if (saved_step_ < 0) return "there is no earlier checkpoint";
  return fmt::format("the last good checkpoint is {}/model.ckpt-{}", options_.model_dir, saved_step_);
}

bool Trainer::all_finite() {
  const TrainingBuffers all = buffers();
  std::vector<FlatBuffer*> parts = all.slots;
  parts.push_back(all.values);
  if (all.averages != nullptr) parts.push_back(all.averages);
  return std::ranges::all_of(parts, [this](FlatBuffer* part) { return backend_.all_finite(*part); });
}

EvalMark Trainer::evaluation_mark() const {
  return {.by = "train", .data = fingerprint(*data_.eval, data_.eval_name), .averaged = averages_ != nullptr};
}

void Trainer::evaluate() {
  if (!data_.eval) return;
  save();
  if (!evaluator_) {
    const EvalOptions options{.input = recipe_.input,
                              .batch = options_.eval_batch,
                              .precision = recipe_.precision.value,
                              .label_smoothing = recipe_.label_smoothing.value,
                              .weight_decay = recipe_.weight_decay.value,
                              .data_threads = options_.data_threads,
                              .max_bad_records = options_.max_eval_bad_records};
    evaluator_ = std::make_unique<Evaluator>(program_->graph(), backend_, data_.eval, options);
  }
  const std::optional<EvalResult> result = evaluator_->evaluate(averages_ ? *averages_ : *values_);
  if (!result) return;
  if (result->not_finite > 0) {
    // Averages may recover; the weights themselves are looked at by save().
    log_warning("step {}: the network's outputs aren't finite for {} of {} images; the evaluation doesn't count",
                progress_.step, with_commas(result->not_finite), with_commas(result->images));
    return;
  }
  write_or_fail([&] { write_result(*eval_metrics_, progress_.step, *result, evaluation_mark()); });
  log_info("step {}: top-1 {:.2f} %, top-5 {:.2f} %, loss {:.4f} on {} images{}", progress_.step, 100.0 * result->top1,
           100.0 * result->top5, result->loss, with_commas(result->images), averages_ ? ", averaged weights" : "");
  report_bad_records(result->bad_records, "left out");
  if (options_.archive) {
    archive_best(options_.model_dir, fmt::format("{}/model.ckpt-{}", options_.model_dir, progress_.step), *result,
                 progress_.step);
  }
}

void Trainer::evaluate_if_missing() {
  if (!data_.eval || progress_.step == 0) return;
  const bool wanted = due(options_.eval_steps) || progress_.step >= recipe_.train_steps.value;
  if (wanted && !has_result(options_.model_dir + "/eval", progress_.step, evaluation_mark())) evaluate();
}

}  // namespace netwright
