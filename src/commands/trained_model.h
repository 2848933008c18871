// The model and weights that eval and predict work with: from a run's folder, or named with a file of weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/flags.h"
#include "graph/graph.h"
#include "models/registry.h"
#include "train/run_info.h"
#include "train/weights.h"

namespace netwright {

struct TrainedChoice {
  std::string model;      // empty: the run's
  ModelOptions options;   // those of the run where not set
  std::string model_dir;  // one of these two
  std::string weights;
  std::optional<bool> average;
  std::optional<std::string> eval_crop;
  std::optional<std::string> resize;
};

// --model_dir, --weights, --average and the rare flags of the model and its input; not MODEL itself.
void declare_trained_flags(Flags& flags, TrainedChoice& choice);

// Whether a run.json lies with the weights, or they say themselves what they are for, so that MODEL need not be given.
// Throws Error when --model_dir names no folder.
bool tells_model(const TrainedChoice& choice);

struct TrainedModel {
  std::string name;  // what builds the graph again, with the options
  ModelOptions options;
  Graph graph;
  InputSpec input;
  int64_t label_base = 1;  // default_label_base of the network
  LoadedWeights weights;
  std::optional<RunInfo> run;    // when run.json lies beside the weights
  double label_smoothing = 0.1;  // of the run, else both originals' values
  double weight_decay = 1e-5;
};

// All but the weights. Throws Error when neither or both of --model_dir and --weights are given, and when the model
// isn't known from either side.
TrainedModel describe_trained(const TrainedChoice& choice);

// With the weights; a run's are those of its newest checkpoint, also while training goes on there. Throws Error as
// load_weights.
TrainedModel open_trained(const TrainedChoice& choice);

}  // namespace netwright
