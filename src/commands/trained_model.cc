#include "commands/trained_model.h"

#include <filesystem>

#include "commands/model_flags.h"
#include "core/error.h"
#include "core/file.h"
#include "models/options.h"
#include "models/resolve.h"
#include "train/recipe.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

std::string path_of(const TrainedChoice& choice) { return choice.weights.empty() ? choice.model_dir : choice.weights; }

void check_folder(const TrainedChoice& choice) {
  const std::string& folder = choice.model_dir;
  if (!folder.empty() && !fs::is_directory(folder)) fail("--model_dir={}: no such folder", folder);
}

// The folder where a run.json may lie.
std::string folder_of_weights(const std::string& path) {
  if (fs::is_directory(path)) return path;
  return folder_of(path);
}

// Where `given` has no value, the run's.
void complete_options(ModelOptions& given, const ModelOptions& run) {
  for_each_option([&](const char* /*name*/, auto option) {
    if (!(given.*option)) given.*option = run.*option;
  });
}

// What a file of weights says itself.
std::optional<WeightsOrigin> origin_of(const std::string& path) {
  const bool safetensors = path.ends_with(".safetensors") && fs::is_regular_file(path);
  const bool checkpoint = path.ends_with(".index") || fs::is_regular_file(path + ".index");
  if (!safetensors && !checkpoint) return std::nullopt;
  const std::optional<std::string> text = open_tensor_file(path)->note(kOriginKey);
  if (!text) return std::nullopt;
  return parse_origin(*text, path);
}

// timm's name for a network means the same one, with other conventions.
std::string base_name(const std::string& name) {
  const ModelInfo* row = find_registered(name);
  return row != nullptr ? std::string(row->name) : resolve_model(name).name;
}

bool is_same_model(const std::string& a, const std::string& b) { return a == b || base_name(a) == base_name(b); }

}  // namespace

void declare_trained_flags(Flags& flags, TrainedChoice& choice) {
  flags.section("weights");
  flags.add("model_dir", choice.model_dir, {.help = "folder of a run; tells the model, too", .value = "DIR"});
  flags.add("weights", choice.weights, {.help = "a checkpoint, .safetensors or .pth file, instead", .value = "FILE"});
  flags.add("average", choice.average,
            {.help = "take the moving averages of the weights; if they are there when not given",
             .origin = "efficientnet, mnasnet: --enable_ema"});
  declare_model_options(flags, choice.options);
  flags.section("input");
  flags.add("eval_crop", choice.eval_crop,
            {.help = "window of an image", .choices = {"efficientnet", "mnasnet", "central", "none"}, .rare = true});
  flags.add("resize", choice.resize,
            {.help = "method", .choices = {"bilinear", "bicubic", "pillow-bicubic"}, .rare = true});
}

bool tells_model(const TrainedChoice& choice) {
  const std::string path = path_of(choice);
  check_folder(choice);
  return origin_of(path).has_value() || read_run_info(folder_of_weights(path)).has_value();
}

TrainedModel describe_trained(const TrainedChoice& choice) {
  if (choice.model_dir.empty() == choice.weights.empty()) {
    fail("give one of --model_dir (the folder of a run) and --weights (a checkpoint or .safetensors file)");
  }
  const std::string path = path_of(choice);
  check_folder(choice);
  TrainedModel trained;
  std::optional<WeightsOrigin> origin = origin_of(path);
  if (!origin) {
    trained.run = read_run_info(folder_of_weights(path));
    if (trained.run) origin = {trained.run->model, trained.run->options, trained.run->input};
  }
  if (origin) origin->model = model_of_run(origin->model, folder_of_weights(path));
  trained.name = choice.model;
  trained.options = choice.options;
  if (trained.run) {
    trained.label_smoothing = trained.run->label_smoothing;
    trained.weight_decay = trained.run->weight_decay;
  }
  if (origin) {
    if (trained.name.empty()) trained.name = origin->model;
    if (is_same_model(trained.name, origin->model)) complete_options(trained.options, origin->options);
  }
  if (trained.name.empty()) fail("{}: no run.json there tells the model; name it: MODEL", path);
  const ResolvedModel model = resolve_model(trained.name);
  trained.graph = model.build(trained.options);
  trained.label_base = default_label_base(model.family, trained.graph.classes());
  trained.input = trained.graph.input_spec();
  if (origin) {
    const InputSpec size = trained.input;
    trained.input = origin->input;
    trained.input.height = size.height;
    trained.input.width = size.width;
  }
  if (choice.eval_crop) trained.input.crop = parse_centre_crop(*choice.eval_crop);
  if (choice.resize) trained.input.resize = parse_resize(*choice.resize);
  return trained;
}

TrainedModel open_trained(const TrainedChoice& choice) {
  TrainedModel trained = describe_trained(choice);
  trained.weights = choice.model_dir.empty() ? load_weights(trained.graph, path_of(choice), choice.average)
                                             : load_newest_weights(trained.graph, choice.model_dir, choice.average);
  return trained;
}

}  // namespace netwright
