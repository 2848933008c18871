// The table of commands.
#include <array>

#include "commands/command.h"

namespace netwright {

int run_models(CommandContext& context);
int run_summary(CommandContext& context);
int run_recipe(CommandContext& context);
int run_train(CommandContext& context);
int run_eval(CommandContext& context);
int run_predict(CommandContext& context);
int run_forward(CommandContext& context);
int run_convert(CommandContext& context);
int run_cost(CommandContext& context);
int run_sample(CommandContext& context);
int run_sample_random_architectures(CommandContext& context);
int run_infer_mobile_cost_model(CommandContext& context);
int run_data_convert(CommandContext& context);
int run_data_inspect(CommandContext& context);
int run_data_check(CommandContext& context);
int run_data_fake(CommandContext& context);
int run_bench_train(CommandContext& context);
int run_bench_infer(CommandContext& context);
int run_bench_load(CommandContext& context);
int run_bench_build(CommandContext& context);
int run_bench_check(CommandContext& context);
int run_completion(CommandContext& context);

namespace {

constexpr std::array kDataCommands = {
    Command{"convert", "archives, IDX files, folders of images into TFRecord shards", run_data_convert},
    Command{"inspect", "what is in a data set", run_data_inspect},
    Command{"check", "find what is missing or damaged in a data set", run_data_check},
    Command{"fake", "a data set of made-up pictures", run_data_fake},
};

constexpr std::array kBenchCommands = {
    Command{"train", "training steps: images a second, memory, profile", run_bench_train},
    Command{"infer", "inference: images a second, memory, profile", run_bench_infer},
    Command{"load", "the input pipeline: images a second", run_bench_load},
    Command{"build", "networks: time and memory to build, count and lower them", run_bench_build},
    Command{"--check", "what two precisions compute, node by node", run_bench_check},
};

constexpr std::array kCommands = {
    Command{"models", "list all architectures", run_models},
    Command{"summary", "the layers of a model: shapes, parameters, multiply-adds", run_summary},
    Command{"recipe", "every training setting and where it comes from", run_recipe},
    Command{"train", "train a model; resumes by itself", run_train},
    Command{"eval", "evaluate a checkpoint", run_eval},
    Command{"predict", "top-5 classes of images", run_predict},
    Command{"forward", "raw tensors in and out, to compare implementations", run_forward},
    Command{"convert", "weights between TensorFlow, timm, torchvision and safetensors", run_convert},
    Command{"sample", "random members of a search space within a range of costs", run_sample},
    Command{"cost", "estimated latency of members of a search space", run_cost},
    Command{.name = "bench", .summary = "measure and compare", .subcommands = kBenchCommands},
    Command{.name = "data", .summary = "make, look into and check data sets", .subcommands = kDataCommands},
    Command{"completion", "a script that completes command lines in a shell", run_completion},
    Command{"sample_random_architectures", "TuNAS's tool of this name", run_sample_random_architectures},
    Command{"infer_mobile_cost_model", "TuNAS's tool of this name", run_infer_mobile_cost_model},
};

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

}  // namespace netwright
