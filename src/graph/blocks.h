// The blocks of a network, as people name its parts: "stem", "blocks_3", "cell_7", "head".
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace netwright {

// A run of neighbouring nodes whose scopes begin with the same part, below the scope that all nodes share (the
// network's own). What stands directly in that scope, or in none, is named after the network; the input is "input".
struct Block {
  std::string name;
  NodeId first = 0;
  NodeId last = 0;  // included
};

// In the order of the nodes; every node is in one.
std::vector<Block> blocks_of(const Graph& graph);

}  // namespace netwright
