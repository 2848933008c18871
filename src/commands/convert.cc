// netwright convert: weights from one kind of file into another.
#include <filesystem>

#include "commands/command.h"
#include "commands/trained_model.h"
#include "core/error.h"
#include "core/log.h"

namespace netwright {
namespace {

constexpr std::string_view kSafetensors = ".safetensors";

struct ConvertOptions {
  std::vector<std::string> model;
  TrainedChoice trained;
  std::string output;
  std::string names = std::string(kTensorFlowNames);
  bool shadows = false;
};

Flags declare(ConvertOptions& o) {
  Flags flags({.usage = "convert [MODEL] --weights=FILE --output=FILE [flags]",
               .about =
                   "Converts weights between TensorFlow's checkpoints, safetensors and PyTorch's files (read only), "
                   "and between the names of TensorFlow, timm, torchvision and EfficientNet-PyTorch.",
               .example = "netwright convert mnasnet_100 --weights=mnasnet.pth --output=model.ckpt"});
  flags.positionals("MODEL", o.model, 0, "an architecture; not needed where the weights or a run tell it");
  flags.section("output");
  flags.add("output", o.output,
            {.help = "NAME.safetensors, or the prefix of a TensorFlow checkpoint", .value = "FILE"});
  flags.add("names", o.names,
            {.help = "of the tensors, in safetensors", .choices = {"tensorflow", "timm", "lukemelas"}});
  flags.add("shadows", o.shadows,
            {.help = "in a checkpoint: also as moving averages, which the original programs evaluate"});
  declare_trained_flags(flags, o.trained);
  return flags;
}

void check_output(const ConvertOptions& o) {
  if (o.output.empty()) fail("--output is missing: NAME.safetensors, or a checkpoint's prefix like run/model.ckpt");
  const std::filesystem::path folder = std::filesystem::absolute(o.output).parent_path();
  if (!std::filesystem::is_directory(folder)) fail("--output={}: there is no folder {}", o.output, folder.string());
  if (std::filesystem::is_directory(o.output)) {
    fail("--output={} is a folder; name a file: {}/model.safetensors, or a prefix: {}/model.ckpt", o.output, o.output,
         o.output);
  }
  if (o.output.ends_with(".pth") || o.output.ends_with(".pt")) {
    fail("--output={}: PyTorch's own files are read, not written; PyTorch reads .safetensors", o.output);
  }
  const bool safetensors = o.output.ends_with(kSafetensors);
  if (!safetensors && o.names != kTensorFlowNames) {
    fail("--names={} goes with --output=NAME.safetensors; a checkpoint has TensorFlow's", o.names);
  }
  if (safetensors && o.shadows) fail("--shadows goes with a TensorFlow checkpoint, not with .safetensors");
}

}  // namespace

int run_convert(CommandContext& context) {
  ConvertOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  if (options.model.size() > 1) fail("one MODEL is expected, {} words are given", options.model.size());
  if (!options.model.empty()) options.trained.model = options.model.front();
  check_output(options);
  const TrainedModel trained = open_trained(options.trained);
  const LoadedWeights& weights = trained.weights;
  context.begin_work();
  WeightNotes notes = {.step = weights.step, .texts = {}};
  notes.texts.emplace_back(kOriginKey, print_origin({trained.name, trained.options, trained.input}));
  if (options.output.ends_with(kSafetensors)) {
    save_safetensors(options.output, trained.graph, weights.values, options.names, notes);
  } else {
    save_bundle(options.output, trained.graph, weights.values, options.shadows, notes);
  }
  log_info("{}: {} weights of {}, {} names to {} names", options.output, weights.averaged ? "averaged" : "raw",
           weights.path, weights.names, options.names);
  return 0;
}

}  // namespace netwright
