// Weights of a network from files: checkpoints of ours and of TensorFlow, safetensors and PyTorch's files, with names
// of TensorFlow, timm, torchvision or EfficientNet-PyTorch. And into files.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/parameters.h"
#include "models/weight_names.h"
#include "train/tensor_file.h"

namespace netwright {

inline constexpr std::string_view kAverageSuffix = "/ExponentialMovingAverage";
// The convention of the graph's own names.
inline constexpr std::string_view kTensorFlowNames = "tensorflow";

// A tensor that a file must have, and where it goes.
struct WantedTensor {
  std::string name;
  const FlatTensor* tensor = nullptr;
};

// Throws Error of one line that lists what is missing, extra or of another shape, ten names at most. Extra are
// variables that the layout doesn't have; their slots (VARIABLE/SLOT), names without a "/" and our own (netwright/...)
// don't count.
void check_tensors(const TensorFile& file, const ParameterLayout& layout, std::span<const WantedTensor> wanted);

struct LoadedWeights {
  std::vector<float> values;  // the layout's size() elements, padding zero
  std::string path;
  std::optional<int64_t> step;
  bool averaged = false;
  std::string names;  // the convention found: kTensorFlowNames or a WeightConvention's
};

// All parameters of the graph, in ParameterLayout(graph)'s order. Of the conventions the one is taken that names most
// of them in the file. TensorFlow's: `average` true takes each from NAME/ExponentialMovingAverage, false from NAME;
// when not said, averages if the file has them. The others': values may lie inside further containers of a PyTorch file
// ("state_dict"); of several, those with "ema" in their key are the averages. Throws Error as check_tensors.
LoadedWeights load_weights(const Graph& graph, const std::string& path, std::optional<bool> average);

// What a file of weights says beside its tensors.
struct WeightNotes {
  std::optional<int64_t> step;
  std::vector<std::pair<std::string, std::string>> texts;
};

// A .safetensors file with the names of `convention`; of PyTorch's with the batch norms' step counters, at 0. Throws
// Error when the convention has no name for a layer of the graph.
void save_safetensors(const std::string& path, const Graph& graph, std::span<const float> values,
                      std::string_view convention, const WeightNotes& notes);

// TensorFlow's checkpoint PREFIX.index and PREFIX.data-00000-of-00001. `averages` writes each value a second time under
// NAME/ExponentialMovingAverage, where the original programs look for what they evaluate.
void save_bundle(const std::string& prefix, const Graph& graph, std::span<const float> values, bool averages,
                 const WeightNotes& notes);

}  // namespace netwright
