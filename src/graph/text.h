// A graph for people: every node in a line, and the table of `netwright summary`.
#pragma once

#include <string>

#include "graph/graph.h"

namespace netwright {

// One node a line: id, operator, inputs, the attributes that aren't at their default, shape, scope; then outputs and
// endpoints:
//   %3 = Conv2D(%2) window=3x3/2 filters=32 kernel=net/stem/conv2d/kernel : [112, 112, 32] @ net/stem
std::string to_text(const Graph& graph);

enum class SummaryRows {
  kBlocks,  // one row for each scope right below the network's own
  kNodes,
};

// Layers with the shape of what they yield, parameters, multiply-adds and activation bytes for one image, and the
// totals.
std::string summary_table(const Graph& graph, SummaryRows rows);

}  // namespace netwright
