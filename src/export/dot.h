// A graph in Graphviz's DOT language, complete: for drawing with its tools and for other programs.
#pragma once

#include <string>

#include "graph/graph.h"

namespace netwright {

// A node a node, "n0", "n1", ..., with the attributes op, scope, parameters, multiply_adds, output_shape ("112x112x32")
// and those of the operator that aren't at their default, by name; an edge for each input with its number as `input`;
// a cluster a block. Outputs and endpoints are named by their nodes' attributes `outputs` and `endpoints`.
std::string to_dot(const Graph& graph);

}  // namespace netwright
