// Parts of a graph.
#pragma once

#include <string_view>

#include "graph/graph.h"

namespace netwright {

// What one output needs: its nodes, their parameters and the endpoints among them, all in their order. Without an
// auxiliary head, say, whose only use is its loss. Throws Error when there is no such output.
Graph only_output(const Graph& graph, std::string_view output);

// What evaluation and prediction run: only_output of "logits", or the graph itself where that is its only output.
Graph inference_graph(Graph graph);

}  // namespace netwright
