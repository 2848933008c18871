// Runs of a tiny network: resuming, refusals, signals.
#include "train/trainer.h"

#include <csignal>
#include <cstring>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "support/run_files.h"
#include "support/testing.h"
#include "train/signals.h"
#include "train/support.h"

namespace netwright {
namespace {

using test::error_of;
using test::expect_same_run;
using test::metrics_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Settings {
  int64_t steps = 12;
  int data_threads = 1;
  int64_t micro_batches = 1;
  uint64_t seed = 5;
  double base_learning_rate = 0.016;
  bool evaluate = false;
};

class TinyRun {
 public:
  TinyRun(const std::string& folder, const Settings& settings) {
    Recipe recipe = test::tiny_recipe(settings.steps);
    recipe.base_learning_rate.value = settings.base_learning_rate;
    TrainerOptions options;
    options.model_dir = folder;
    options.seed = settings.seed;
    options.data_threads = settings.data_threads;
    options.micro_batches = settings.micro_batches;
    options.log_steps = 5;
    const TrainData data{test::fake_data(64), settings.evaluate ? test::fake_data(10, 1) : nullptr};
    trainer_ = std::make_unique<Trainer>(recipe, data, options, test::tiny_run(recipe, settings.seed), test::backend());
  }
  TrainOutcome train() { return trainer_->train(); }
  const Trainer& trainer() const { return *trainer_; }

 private:
  std::unique_ptr<Trainer> trainer_;
};

TEST(Trainer, ResumedEqualsUninterrupted) {
  const TemporaryFolder whole;
  EXPECT_EQ(TinyRun(whole.path(), {.steps = 20}).train().step, 20);
  for (const int threads : {1, 2}) {
    const TemporaryFolder parts;
    TinyRun(parts.path(), {.steps = 10, .data_threads = threads}).train();
    const TrainOutcome outcome = TinyRun(parts.path(), {.steps = 20, .data_threads = 3 - threads}).train();
    EXPECT_EQ(outcome.step, 20);
    EXPECT_FALSE(outcome.already);
    expect_same_run(whole.path(), parts.path(), 20);
  }
}

TEST(Trainer, WorksOnABatchInParts) {
  const TemporaryFolder one;
  const TemporaryFolder two;
  TinyRun(one.path(), {.steps = 5}).train();
  TinyRun(two.path(), {.steps = 5, .micro_batches = 2}).train();
  // Batch norm sees other batches, so the losses differ a little; a gradient or loss counted twice would show.
  const auto first = nlohmann::json::parse(metrics_of(one.path()).at(0))["cross_entropy"].get<double>();
  const auto second = nlohmann::json::parse(metrics_of(two.path()).at(0))["cross_entropy"].get<double>();
  EXPECT_NE(first, second);
  EXPECT_LT(std::abs(first - second), 0.4 * first) << second;
  const TemporaryFolder three;
  EXPECT_EQ(error_of([&] { TinyRun(three.path(), {.micro_batches = 3}); }),
            "a batch of 4 images can't be worked on in 3 equal parts");
}

TEST(Trainer, SaysWhenItIsDoneAndEvaluatesOnce) {
  const TemporaryFolder folder;
  const Settings settings{.steps = 6, .evaluate = true};
  EXPECT_FALSE(TinyRun(folder.path(), settings).train().already);
  const std::string evaluated = read_file(folder.file("eval/metrics.jsonl"));
  const auto line = nlohmann::json::parse(evaluated);
  EXPECT_EQ(line["step"], 6);
  EXPECT_TRUE(line.contains("top_1_accuracy"));
  const TrainOutcome again = TinyRun(folder.path(), settings).train();
  EXPECT_TRUE(again.already);
  EXPECT_EQ(again.step, 6);
  EXPECT_EQ(read_file(folder.file("eval/metrics.jsonl")), evaluated);
}

TEST(Trainer, ASignalSavesAndStops) {
  const TemporaryFolder folder;
  {
    const StopSignals signals;
    TinyRun run(folder.path(), {.steps = 1000});
    std::raise(SIGTERM);
    const TrainOutcome outcome = run.train();
    EXPECT_EQ(outcome.signal, SIGTERM);
    EXPECT_THAT(folder.names(), Contains(fmt::format("model.ckpt-{}.index", outcome.step)));
  }
  const StopSignals fresh;
  EXPECT_EQ(TinyRun(folder.path(), {.steps = 2}).train().step, 2);
}

TEST(Trainer, RefusesASecondTrainer) {
  const TemporaryFolder folder;
  const TinyRun first(folder.path(), {});
  EXPECT_THAT(error_of([&] { TinyRun(folder.path(), {}); }), AllOf(StartsWith(folder.path()), HasSubstr("is in use")));
}

TEST(Trainer, RefusesToContinueAnotherRun) {
  const TemporaryFolder folder;
  TinyRun(folder.path(), {.steps = 2}).train();
  EXPECT_THAT(error_of([&] { TinyRun(folder.path(), {.steps = 4, .seed = 6}); }),
              HasSubstr("holds a run with the seed 5, not 6"));
  RunInfo old;
  old.settings = {{"optimizer", "rmsprop", ""}};
  RunInfo other = old;
  other.settings[0].value = "lars";
  EXPECT_EQ(error_of([&] { check_continues(old, other, "run"); }),
            "run holds a run with the optimizer rmsprop, not lars; take another --model_dir to begin a new one");
  ModelOptions options = test::tiny_options();
  options.classes = 12;
  RecipeOverrides overrides;
  overrides.batch = 4;
  const Recipe recipe = make_recipe(test::kTinyModel, options, overrides);
  const TrainData data{test::fake_data(64), nullptr};
  EXPECT_THAT(error_of([&] {
                Trainer(recipe, data, {.model_dir = folder.path()}, test::tiny_run(recipe, 5), test::backend());
              }),
              HasSubstr("holds a run with classes: 10, not 12"));
}

TEST(Trainer, StopsWhenTheLossIsNotFinite) {
  const TemporaryFolder folder;
  TinyRun(folder.path(), {.steps = 2}).train();
  // The first update makes nonsense of the weights, the next step's loss shows it.
  EXPECT_THAT(error_of([&] { TinyRun(folder.path(), {.steps = 60, .base_learning_rate = 1e30}).train(); }),
              AllOf(StartsWith("step 4: the loss is nan; the last good checkpoint is "),
                    HasSubstr(folder.file("model.ckpt-2") + "; a smaller --base_learning_rate")));
  // Saving looks at the weights, whatever the loss was.
  EXPECT_THAT(error_of([&] { TinyRun(folder.path(), {.steps = 3, .base_learning_rate = 1e42}).train(); }),
              StartsWith("step 3: the weights are no longer finite, so they are not saved; the last good checkpoint"));
  EXPECT_THAT(folder.names(), Not(Contains(HasSubstr("model.ckpt-3"))));
  EXPECT_EQ(TinyRun(folder.path(), {.steps = 3}).train().step, 3);
}

// A run ended by a signal in an evaluation makes up for it.
TEST(Trainer, EvaluatesWhatASignalCutShort) {
  const TemporaryFolder folder;
  const Settings settings{.steps = 6, .evaluate = true};
  TinyRun(folder.path(), settings).train();
  std::filesystem::remove(folder.file("eval/metrics.jsonl"));
  TinyRun(folder.path(), settings).train();
  EXPECT_EQ(nlohmann::json::parse(read_file(folder.file("eval/metrics.jsonl")))["step"], 6);
}

// Others' evaluations of the same step, as `netwright eval` adds them, are not the run's own.
TEST(Trainer, LooksForItsOwnEvaluation) {
  const TemporaryFolder folder;
  const Settings settings{.steps = 6, .evaluate = true};
  TinyRun(folder.path(), settings).train();
  const auto own = nlohmann::ordered_json::parse(read_file(folder.file("eval/metrics.jsonl")));
  EXPECT_EQ(own["by"], "train");
  EXPECT_EQ(own["weights"], "averaged");
  for (const auto& [key, other] : {std::pair("by", "eval"), std::pair("samples", "0"), std::pair("weights", "raw")}) {
    auto line = own;
    line[key] = other;
    folder.write("eval/metrics.jsonl", line.dump() + "\n");
    TinyRun(folder.path(), settings).train();
    EXPECT_EQ(metrics_of(folder.file("eval")), (std::vector<std::string>{line.dump(), own.dump()})) << key;
  }
}

TEST(Trainer, PredictsItsMemory) {
  const TemporaryFolder folder;
  const TinyRun run(folder.path(), {});
  const int64_t flat = run.trainer().values().size() * static_cast<int64_t>(sizeof(float));
  EXPECT_GT(run.trainer().predicted_bytes(), 4 * flat);
}

TEST(RunInfo, RoundTrip) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_run_info(folder.path()).has_value());
  const Recipe recipe = test::tiny_recipe(1);
  RunInfo info = test::tiny_run(recipe, 9);
  info.class_names = {"a", "b"};
  info.settings = list_settings(recipe, test::tiny_options());
  write_run_info(folder.path(), info);
  const RunInfo read = read_run_info(folder.path()).value();
  EXPECT_EQ(read.options, info.options);
  EXPECT_EQ(read.input, info.input);
  EXPECT_EQ(read.class_names, info.class_names);
  EXPECT_EQ(read.train_data, info.train_data);
  EXPECT_EQ(read.settings.size(), info.settings.size());
  folder.write("run.json", "{");
  EXPECT_THAT(error_of([&] { read_run_info(folder.path()); }), HasSubstr("is not a description of a run"));
}

// A number that isn't whole, or too large, is not cut off.
TEST(RunInfo, TakesWholeNumbersOnly) {
  const TemporaryFolder folder;
  write_run_info(folder.path(), test::tiny_run(test::tiny_recipe(1), 9));
  const std::string good = read_file(folder.file("run.json"));
  for (const char* number : {"2.5", "1e300", "9223372036854775808", "-1e0", "true"}) {
    std::string bad = good;
    bad.replace(bad.find("\"classes\": 10") + 11, 2, number);
    folder.write("run.json", bad);
    EXPECT_THAT(error_of([&] { read_run_info(folder.path()); }), HasSubstr("classes: expected a whole number"))
        << number;
  }
}

}  // namespace
}  // namespace netwright
