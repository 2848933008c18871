// MixNet: S, M and L at any width (spec mnasnet 2): MnasNet's blocks with kernels of several sizes side by side.
#pragma once

#include "models/registry.h"

namespace netwright {

// The registry's builder. The network itself is build_mnasnet's.
Graph build_named_mixnet(const ModelInfo& model, const ModelOptions& options);

}  // namespace netwright
