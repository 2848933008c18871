// Networks in AutoShrink's layer language (spec autoshrink 2.1): any sequence of its blocks, from a file or built.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/prototxt.h"
#include "graph/graph.h"
#include "models/layer_kinds.h"
#include "models/registry.h"

namespace netwright {

struct LayerNetworkParams {
  std::string name;                // of the graph
  Strictness strictness;           // the file in messages; whether what the original ignores is an Error
  LayerSettings settings;          // process-wide in the original, in no file: those of its ImageNet programs
  std::optional<int64_t> classes;  // instead of the units of the layer that the loss reads
  std::optional<int64_t> height;   // instead of those of the first [Input]; 224 where that has none
  std::optional<int64_t> width;
};

// Output "logits" is what the first [SoftmaxLoss] reads, else what the first output block does; [Output] and
// [OutputWithSoftmax] are outputs of their names without a loss. Every layer is an endpoint of its name. Throws Error
// "FILE:LINE: ..." for a value that can't be read, a name that is used twice, a layer that reads what isn't there or
// stands later, and whatever can't be built. Warns, as Error when strict, of unknown kinds and fields and of whatever
// else the original passes over.
Graph build_layer_network(const std::vector<PrototxtBlock>& blocks, const LayerNetworkParams& params);

// The smoothing that the first [SoftmaxLoss] asks for; 0 without one.
double label_smoothing(const std::vector<PrototxtBlock>& blocks);

// The parameters that options ask for; `name` is the network's and its origin's. Throws Error for an option that other
// families have.
LayerNetworkParams layer_network_params(std::string_view name, const ModelOptions& options);

}  // namespace netwright
