// A graph as JSON: everything that it holds, for files and other programs.
#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"

namespace netwright {

// An object with name, input, parameters, nodes, outputs and endpoints; operators refer to parameters by name, to nodes
// by number. Attributes are named as in operators.h.
std::string to_json(const Graph& graph);

// Reads what to_json wrote, to an equal graph. The network is built anew: shapes are inferred and compared with those
// given, names checked as in GraphBuilder. Throws Error that names the place, e.g. "graph JSON: nodes[3].attributes
// .filters: expected a whole number, found \"many\"".
Graph from_json(std::string_view text);

}  // namespace netwright
