// A graph as people read it: operators that belong together folded into one unit.
//
// A convolution takes in its batch norm, its activation and its drops, and the mixing of its experts' kernels; the six
// nodes of a squeeze-and-excite gate are one unit, as are depthwise convolutions of several kernel sizes that share out
// the channels. What no rule folds stays a unit of its own, so every graph has units.
#pragma once

#include <string>
#include <vector>

#include "graph/blocks.h"
#include "graph/count.h"
#include "graph/graph.h"

namespace netwright {

enum class UnitKind { kInput, kConvolution, kDepthwise, kDense, kPool, kGate, kJoin, kOther };

struct Unit {
  UnitKind kind = UnitKind::kOther;
  // "3×3 /2 ×6 swish": window, stride, how many times wider than its input, activation.
  std::string label;
  int64_t channels = 0;       // that it gives, where it sets their number; of a gate those inside; else 0
  std::vector<NodeId> nodes;  // in the order of the graph
  std::vector<int> inputs;    // units, in the order of the operator's inputs, each once
  Cost cost;                  // of all its nodes
  bool residual = false;      // an addition of a block's input to what the block made of it

  NodeId output() const { return nodes.back(); }
};

// All units of a graph, ordered by their last nodes: a unit's inputs come before it.
std::vector<Unit> units_of(const Graph& graph);

// A block's units.
struct BlockUnits {
  Block block;
  std::vector<int> units;  // those whose output is in the block; numbers in units_of's list
  std::vector<int> from;   // blocks that it reads, ascending
  Cost cost;
  Shape input;   // of the latest value from outside that it reads; of the input block its own
  Shape output;  // of its last unit
  // Its units follow one another in a line, but for residual additions.
  bool chain = true;
};

// Marks the residual additions among `units`.
std::vector<BlockUnits> blocks_of(const Graph& graph, std::vector<Unit>& units);

// "224×224×3"; "1000" of a vector.
std::string shape_text(const Shape& shape);

}  // namespace netwright
