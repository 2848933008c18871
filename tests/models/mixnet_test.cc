#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "graph/count.h"
#include "models/mnasnet.h"
#include "models/registry.h"

namespace netwright {
namespace {

// Spec mnasnet 2.5, "Computed reduction endpoints": block, channels; and 2.4, the widths of mixnet-l.
TEST(MixNet, Reductions) {
  const std::map<std::string, std::vector<std::pair<int, int64_t>>> rows = {
      {"mixnet-s", {{0, 16}, {2, 24}, {6, 40}, {12, 120}, {15, 200}}},
      {"mixnet-m", {{0, 24}, {2, 32}, {6, 40}, {14, 120}, {18, 200}}},
      {"mixnet-l", {{0, 32}, {2, 40}, {6, 56}, {14, 160}, {18, 264}}}};
  for (const auto& [name, reductions] : rows) {
    SCOPED_TRACE(name);
    const Graph graph = build_model(name);
    std::map<std::string, NodeId> nodes;
    for (const NamedNode& named : graph.endpoints()) nodes[named.name] = named.node;
    for (size_t i = 0; i < reductions.size(); ++i) {
      const NodeId node = nodes.at(fmt::format("reduction_{}", i + 1));
      EXPECT_EQ(node, nodes.at(fmt::format("block_{}", reductions[i].first)));
      EXPECT_EQ(graph.node(node).shape.back(), reductions[i].second);
    }
    EXPECT_FALSE(nodes.contains("reduction_6"));
  }
}

// Spec mnasnet 2.8, tables of mixnet-s and mixnet-l: what a block costs.
TEST(MixNet, CostOfBlocks) {
  struct Row {
    std::string_view model;
    int block;
    int64_t parameters;
    int64_t multiply_adds;
  };
  const std::vector<Row> rows = {
      {"mixnet-s", 1, 3'216, 15'955'968},    {"mixnet-s", 7, 32'010, 10'714'240},
      {"mixnet-s", 13, 361'900, 26'087'760}, {"mixnet-l", 3, 43'812, 48'366'720},
      {"mixnet-l", 8, 126'282, 17'766'528},  {"mixnet-l", 18, 1'118'964, 34'336'368},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(fmt::format("{} block {}", row.model, row.block));
    const Graph graph = build_model(row.model);
    const std::vector<Cost> costs = count_nodes(graph);
    const std::string scope = fmt::format("{}/blocks_{}", row.model, row.block);
    Cost total;
    for (size_t i = 0; i < costs.size(); ++i) {
      const std::string& own = graph.nodes()[i].scope;
      if (own == scope || own == scope + "/se") total += costs[i];
    }
    EXPECT_EQ(total.parameters, row.parameters);
    EXPECT_EQ(total.multiply_adds, row.multiply_adds);
  }
}

// A multiplier given replaces mixnet-l's 1.3: both are the same stages (spec mnasnet 2.3).
TEST(MixNet, MultipliersReplace) {
  const auto parameters = [](std::string_view name, double multiplier) {
    return count(build_model(name, {.depth_multiplier = multiplier})).parameters;
  };
  EXPECT_EQ(parameters("mixnet-l", 1.0), count(build_model("mixnet-m")).parameters);
  EXPECT_EQ(parameters("mixnet-m", 1.3), count(build_model("mixnet-l")).parameters);
}

MnasNetParams custom(std::string_view stage) {
  MnasNetParams params;
  params.name = "net";
  params.stages = {parse_block(stage, BlockNotation::kMixNet)};
  params.stem_filters = 8;
  params.input.height = params.input.width = 32;
  return params;
}

std::vector<Window> depthwise_windows(std::string_view stage) {
  std::vector<Window> windows;
  const Graph graph = build_mnasnet(custom(stage));
  for (const Node& node : graph.nodes()) {
    if (const auto* conv = std::get_if<DepthwiseConv2D>(&node.op)) windows.push_back(conv->window);
  }
  return windows;
}

// Spec mnasnet 2.5: 3 x 3 kernels (k - 1) / 2 apart, only where the stride is 1.
TEST(MixNet, DilatedKernels) {
  std::vector<Window> windows = depthwise_windows("r1_k3.5.9_a1_p1_s11_e1_i8_o8_dilated");
  ASSERT_EQ(windows.size(), 3);
  for (const Window& window : windows) EXPECT_EQ(window.kernel_h, 3);
  EXPECT_EQ(windows[0].dilation, 1);
  EXPECT_EQ(windows[1].dilation, 2);
  EXPECT_EQ(windows[2].dilation, 4);
  windows = depthwise_windows("r1_k3.5.9_a1_p1_s22_e1_i8_o8_dilated");
  EXPECT_EQ(windows[2].kernel_h, 9);
  EXPECT_EQ(windows[2].dilation, 1);
}

// What is left over goes to the first part.
TEST(MixNet, UnevenParts) {
  std::vector<int64_t> widths;
  const Graph graph = build_mnasnet(custom("r1_k3.5.7_a1_p1_s11_e1_i8_o8"));
  for (const Node& node : graph.nodes()) {
    if (std::holds_alternative<DepthwiseConv2D>(node.op)) widths.push_back(node.shape.back());
  }
  EXPECT_EQ(widths, (std::vector<int64_t>{4, 2, 2}));
}

}  // namespace
}  // namespace netwright
