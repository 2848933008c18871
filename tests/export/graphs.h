// Small networks whose shapes the drawings must cope with.
#pragma once

#include "graph/graph.h"

namespace netwright {

// A stem, then cells that read the two blocks before them, with branches that meet in a concatenation; a head.
Graph cell_network(int cells);

// A stem, then blocks of an expansion, depthwise kernels of three sizes on shares of the channels, a gate and a
// projection, with a residual addition where the shape stays.
Graph mixed_kernel_network();

}  // namespace netwright
