// netwright bench load: throughput of the input pipeline.
#include "commands/bench.h"
#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "core/error.h"
#include "data/pipeline.h"
#include "train/recipe.h"

namespace netwright {
namespace {

struct LoadBenchOptions {
  ModelChoice model;
  BenchChoice bench{.steps = 20};
  std::string data;
  std::string mode = "train";
  int64_t label_base = 1;
  int data_threads = default_data_threads();
};

Flags declare(LoadBenchOptions& o) {
  Flags flags({.usage = "bench load MODEL --data=DIR [flags]",
               .about = "Measures how fast images are read, decoded, augmented and gathered into batches as MODEL's "
                        "recipe asks; nothing is computed with them.",
               .example = "netwright bench load efficientnet-b0 --data=fake --data_threads=2"});
  flags.section("data");
  flags.add("data", o.data,
            {.help = "folder of TFRecords, IDX files or images by class, a pattern, or fake", .value = "DIR"});
  flags.add("label_base", o.label_base, {.help = "first label in TFRecords", .range = between(0, 1), .rare = true});
  flags.add("mode", o.mode, {.help = "preprocessing of which", .choices = {"train", "eval"}});
  flags.add("data_threads", o.data_threads, {.help = "threads that read and decode", .range = between(1, 256)});
  declare_model_flags(flags, o.model);
  declare_bench_flags(flags, o.bench);
  return flags;
}

std::shared_ptr<const ImageSource> open_data(const LoadBenchOptions& o, const Recipe& recipe) {
  SourceOptions source;
  source.data = o.data;
  source.split = o.mode == "train" ? DataSplit::kTrain : DataSplit::kValidation;
  source.label_base = o.label_base;
  source.fake.classes = recipe.model_options.classes.value_or(1000);
  source.fake.height = recipe.input.height;
  source.fake.width = recipe.input.width;
  return open_source(source);
}

PipelineOptions pipeline_options(const LoadBenchOptions& o, const Recipe& recipe) {
  return {.spec = recipe.input,
          .batch = o.bench.batch,
          .classes = recipe.model_options.classes.value_or(1000),
          .training = o.mode == "train",
          .augment = recipe.augment(),
          .threads = o.data_threads};
}

}  // namespace

int run_bench_load(CommandContext& context) {
  LoadBenchOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  if (options.data.empty()) fail("--data is missing: where are the images? --data=fake gives noise");
  RecipeOverrides overrides;
  overrides.batch = options.bench.batch;
  const Recipe recipe = make_recipe(options.model.name, options.model.options, overrides);
  const std::shared_ptr<const ImageSource> source = open_data(options, recipe);
  context.begin_work();
  const PipelineOptions settings = pipeline_options(options, recipe);
  auto pipeline = std::make_unique<Pipeline>(source, settings);
  BenchReport report;
  report.rates = measure_rounds(
      options.bench,
      [&] {
        Batch* batch = pipeline->next();
        // An evaluation ends after every image; then it begins again.
        for (; batch == nullptr; batch = pipeline->next()) pipeline = std::make_unique<Pipeline>(source, settings);
        pipeline->recycle(batch);
      },
      [] {}, [] {});
  report.command = "load " + options.data;
  report.model = recipe.model;
  report.device = fmt::format("{} data thread{}", options.data_threads, options.data_threads == 1 ? "" : "s");
  report.input_shape = {recipe.input.height, recipe.input.width, 3};
  print_report(report, options.bench.json);
  return 0;
}

}  // namespace netwright
