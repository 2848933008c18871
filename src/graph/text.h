// A graph as text, for people and for comparing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace netwright {

// One node a line: id, operator, inputs, the attributes that aren't at their default, shape, scope; then outputs and
// endpoints:
//   %3 = Conv2D(%2) window=3x3/2 filters=32 kernel=net/stem/conv2d/kernel : [112, 112, 32] @ net/stem
std::string to_text(const Graph& graph);

// The attributes of an operator that aren't at their default, by name: {"window", "3x3/2"}, {"filters", "32"}.
std::vector<std::pair<std::string, std::string>> attribute_texts(const Graph& graph, const Operator& op);

}  // namespace netwright
