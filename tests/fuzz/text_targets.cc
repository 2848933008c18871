// Texts that people and programs write: block strings, graphs, descriptions of runs, flags, names of classes.
#include <array>

#include "commands/model_flags.h"
#include "commands/recipe_flags.h"
#include "core/text.h"
#include "data/imagenet_files.h"
#include "data/source.h"
#include "fuzz/target.h"
#include "graph/count.h"
#include "graph/json.h"
#include "graph/text.h"
#include "models/block_string.h"
#include "models/layer_network.h"
#include "models/spec_json.h"
#include "models/tunas.h"
#include "train/metrics.h"
#include "train/run_info.h"

namespace netwright::fuzz {
namespace {

void read_block(std::string_view text, BlockNotation notation) {
  attempt([&] {
    const BlockSpec block = parse_block(text, notation);
    require(parse_block(print_block(block, notation), notation) == block,
            "a block that is printed reads back the same");
  });
}

void fuzz_block_efficientnet(std::string_view text) { read_block(text, BlockNotation::kEfficientNet); }
void fuzz_block_mnasnet(std::string_view text) { read_block(text, BlockNotation::kMnasNet); }

void fuzz_graph_json(std::string_view text) {
  attempt([&] {
    const Graph graph = from_json(text);
    require(from_json(to_json(graph)) == graph, "a graph that is written reads back the same");
    to_text(graph);
    attempt([&] { count(graph); });
  });
}

void fuzz_model_spec(std::string_view text) {
  attempt([&] {
    const Spec spec = spec_from_json(text, "text");
    require(spec_from_json(spec_to_json(spec), "text") == spec, "a specification that is written reads back the same");
    attempt([&] { count(build_tunas("text", spec, {})); });
  });
}

void fuzz_prototxt(std::string_view text) {
  attempt([&] {
    const std::vector<PrototxtBlock> blocks = parse_prototxt(text, "text");
    const std::string written = to_prototxt(blocks);
    require(to_prototxt(parse_prototxt(written, "text")) == written, "blocks that are written read back the same");
    LayerNetworkParams params;
    params.strictness.file = "text";
    const Graph graph = build_layer_network(blocks, params);
    require(from_json(to_json(graph)) == graph, "a network in layers is a graph like any other");
    attempt([&] { count(graph); });
  });
}

void fuzz_run_json(std::string_view text) {
  in_file("run.json", text);
  attempt([&] {
    const std::optional<RunInfo> info = read_run_info(scratch_folder());
    require(info.has_value(), "a run.json that exists is read or refused");
    write_run_info(scratch_folder(), *info);
    attempt([&] { check_continues(*info, *info, scratch_folder()); });
  });
}

void fuzz_metrics(std::string_view text) {
  in_file("metrics.jsonl", text);
  const MetricNote note{"by", "train"};
  attempt([&] { has_metrics(scratch_folder(), 1, {&note, 1}); });
}

// A command line, one word a line: flags of models and recipes, and what follows from them.
void fuzz_flags(std::string_view text) {
  ModelChoice choice;
  RecipeOverrides overrides;
  Flags flags({"recipe MODEL [flags]", "", ""});
  declare_model_flags(flags, choice);
  declare_recipe_flags(flags, overrides);
  attempt([&] {
    flags.parse(split(text, '\n'));
    const Recipe recipe = make_recipe(choice.name, choice.options, overrides);
    list_settings(recipe, choice.options);
  });
}

void fuzz_class_names(std::string_view text) {
  attempt([&] {
    for (const std::string& name : read_class_names(in_file("labels.txt", text))) {
      require(!name.empty() && name.find('\n') == std::string::npos, "class names are lines that aren't empty");
    }
  });
}

void fuzz_validation_labels(std::string_view text) {
  PictureFiles images;
  for (const char* name : {"ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"}) {
    images.items.push_back({.path = name});
  }
  const std::string path = in_file("validation_labels", text);
  attempt([&] { require(read_validation_labels(path, &images).size() == 2, "an image has a label"); });
  attempt([&] { read_validation_labels(path, nullptr); });
}

constexpr std::array<Target, 10> kTargets = {{{"block_efficientnet", fuzz_block_efficientnet, 128},
                                              {"block_mnasnet", fuzz_block_mnasnet, 128},
                                              {"graph_json", fuzz_graph_json, 16384},
                                              {"model_spec", fuzz_model_spec, 16384},
                                              {"prototxt", fuzz_prototxt, 4096},
                                              {"run_json", fuzz_run_json, 8192},
                                              {"metrics", fuzz_metrics, 1024},
                                              {"flags", fuzz_flags, 256},
                                              {"class_names", fuzz_class_names, 256},
                                              {"validation_labels", fuzz_validation_labels, 512}}};

}  // namespace

std::span<const Target> text_targets() { return kTargets; }

}  // namespace netwright::fuzz
