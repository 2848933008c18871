// Drawings of networks as SVG.
#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"

namespace netwright {

// The whole network, a row a block from top to bottom: resolution, channels, operators, and bars of where parameters
// and multiply-adds are. Blocks whose operators branch are drawn below, one drawing for all blocks of one structure.
// Not thread-safe (layered_layout).
std::string draw_network(const Graph& graph);

// One block (blocks_of) with all its operators, their shapes and costs. Throws Error with the nearest names when there
// is none. Not thread-safe.
std::string draw_block(const Graph& graph, std::string_view block);

}  // namespace netwright
