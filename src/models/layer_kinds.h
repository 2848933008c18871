// The kinds of blocks that AutoShrink's layer language has, and the nodes and variables of its layers (spec autoshrink
// 2.2, 2.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "graph/builder.h"
#include "models/block_reader.h"

namespace netwright {

// What a network's layers have in common.
struct LayerSettings {
  double batch_norm_momentum = 0.999;
  double batch_norm_epsilon = 1e-3;    // at least 1.001e-5 is used, as by the original's kernel
  std::optional<double> dropout_rate;  // instead of that of every [Dropout]
};

struct BlockKind {
  std::string_view name;
  bool is_layer = false;
  std::vector<std::string_view> fields;
};
const std::vector<BlockKind>& block_kinds();

// The layer of a block whose kind is a layer's, under the builder's present scope, which is its name. `units`: instead
// of a [Dense]'s own. `decays`: whether its weights have an L2 term. Throws Error for a value that can't be, with its
// line, and as GraphBuilder does, without.
struct LayerPlace {
  std::vector<NodeId> inputs;
  std::optional<int64_t> units;
  bool decays = true;
};
NodeId make_layer(GraphBuilder& builder, const BlockReader& reader, const LayerSettings& settings, LayerPlace place);

}  // namespace netwright
