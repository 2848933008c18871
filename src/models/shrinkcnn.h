// ShrinkCNN-A and -B (arXiv:1911.09251; lordzth666/AutoShrink evaluation/cnn): one cell that a search shrank, in five
// stages. They differ in the activation only (spec autoshrink 2.5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/prototxt.h"
#include "models/registry.h"

namespace netwright {

// The released network as blocks of the layer language. `activation`: "relu" (A) or "swish" (B).
std::vector<PrototxtBlock> shrinkcnn_blocks(std::string_view activation);

std::vector<PrototxtBlock> named_shrinkcnn_blocks(const ModelInfo& model);

// The registry's builder.
Graph build_named_shrinkcnn(const ModelInfo& model, const ModelOptions& options);

}  // namespace netwright
