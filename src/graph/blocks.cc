#include "graph/blocks.h"

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace netwright {
namespace {

using Parts = std::vector<std::string>;

Parts parts_of(const Node& node) { return node.scope.empty() ? Parts{} : split(node.scope, '/'); }

// How many leading parts every scope has in common. Nodes without a scope (the input) don't count.
size_t shared_parts(const Graph& graph) {
  std::optional<Parts> shared;
  for (const Node& node : graph.nodes()) {
    const Parts parts = parts_of(node);
    if (parts.empty()) continue;
    if (!shared) shared = parts;
    const auto differ = std::mismatch(shared->begin(), shared->end(), parts.begin(), parts.end()).first;
    shared->erase(differ, shared->end());
  }
  return shared ? shared->size() : 0;
}

std::string block_name(const Graph& graph, NodeId id, size_t shared) {
  if (id == 0) return "input";
  const Parts parts = parts_of(graph.node(id));
  return parts.empty() ? graph.name() : parts[std::min(shared, parts.size() - 1)];
}

}  // namespace

std::vector<Block> blocks_of(const Graph& graph) {
  const size_t shared = shared_parts(graph);
  std::vector<Block> blocks;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    std::string name = block_name(graph, id, shared);
    if (blocks.empty() || blocks.back().name != name) blocks.push_back({std::move(name), id, id});
    blocks.back().last = id;
  }
  return blocks;
}

}  // namespace netwright
