#include "models/mnasnet.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "graph/count.h"
#include "models/published.h"
#include "support/golden.h"

namespace netwright {
namespace {

std::map<std::string, Shape> endpoints_of(const Graph& graph) {
  std::map<std::string, Shape> endpoints;
  for (const NamedNode& named : graph.endpoints()) endpoints[named.name] = graph.node(named.node).shape;
  return endpoints;
}

TEST(MnasNet, EndpointsAreTheOriginals) {
  const nlohmann::json golden = golden::json_of("mnasnet/mnasnet-a1.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
  std::map<std::string, Shape> expected;
  for (const auto& [name, shape] : golden["endpoints"].items()) {
    expected[name] = Shape(shape.begin() + 1, shape.end());
  }
  EXPECT_EQ(endpoints_of(build_model("mnasnet-a1")), expected);
}

// Spec mnasnet 2.5, "Computed reduction endpoints": block, channels.
TEST(MnasNet, ReductionsOfTheOthers) {
  const std::map<std::string, std::vector<std::pair<int, int64_t>>> rows = {
      {"mnasnet-b1", {{0, 16}, {3, 24}, {6, 40}, {11, 96}, {16, 320}}},
      {"mnasnet-small", {{0, 8}, {1, 16}, {3, 16}, {10, 32}, {14, 144}}},
      {"mnasnet-d1", {{0, 24}, {3, 36}, {8, 48}, {17, 96}, {21, 320}}},
      {"mnasnet-d1-320", {{2, 24}, {6, 36}, {11, 48}, {21, 144}, {27, 320}}}};
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
    EXPECT_FALSE(nodes.contains(fmt::format("block_{}", reductions.back().first + 1)));
  }
}

// Spec mnasnet 2.4, "Computed widths for mnasnet-a1".
TEST(MnasNet, WidthsOfA1) {
  struct Row {
    double multiplier;
    int64_t stem;
    std::vector<int64_t> outputs;
    std::vector<int64_t> squeezes;
  };
  const std::vector<Row> rows = {{0.35, 16, {8, 8, 16, 32, 40, 56, 112}, {2, 4, 8, 10, 14}},
                                 {0.5, 16, {8, 16, 24, 40, 56, 80, 160}, {4, 6, 10, 14, 20}},
                                 {0.75, 24, {16, 24, 32, 64, 88, 120, 240}, {6, 8, 16, 22, 30}},
                                 {1.0, 32, {16, 24, 40, 80, 112, 160, 320}, {6, 10, 20, 28, 40}},
                                 {1.4, 48, {24, 32, 56, 112, 160, 224, 448}, {8, 14, 28, 40, 56}}};
  constexpr std::array<int, 7> kLastOfStage = {0, 2, 5, 9, 11, 14, 15};
  constexpr std::array<int, 5> kFirstWithInput = {3, 4, 10, 11, 13};  // of 24, 40, 80, 112, 160
  for (const Row& row : rows) {
    SCOPED_TRACE(row.multiplier);
    const Graph graph = build_model("mnasnet-a1", {.depth_multiplier = row.multiplier});
    auto endpoints = endpoints_of(graph);
    EXPECT_EQ(endpoints["stem"].back(), row.stem);
    for (size_t i = 0; i < kLastOfStage.size(); ++i) {
      EXPECT_EQ(endpoints[fmt::format("block_{}", kLastOfStage[i])].back(), row.outputs[i]);
    }
    std::map<std::string, int64_t> squeezes;
    for (const Parameter& parameter : graph.parameters()) {
      const size_t se = parameter.name.find("/se/");
      if (se == std::string::npos || parameter.role != ParameterRole::kBias) continue;
      const std::string block = parameter.name.substr(0, se);
      squeezes.emplace(block.substr(block.rfind('/') + 1), parameter.shape[0]);
    }
    for (size_t i = 0; i < kFirstWithInput.size(); ++i) {
      EXPECT_EQ(squeezes[fmt::format("mnas_blocks_{}", kFirstWithInput[i])], row.squeezes[i]);
    }
  }
}

// Spec mnasnet 8: trainable parameters at other widths.
TEST(MnasNet, ParametersAtOtherWidths) {
  struct Row {
    std::string_view name;
    double multiplier;
    int64_t parameters;
  };
  const std::vector<Row> rows = {{"mnasnet-b1", 0.35, 1'788'232},   {"mnasnet-b1", 0.5, 2'218'512},
                                 {"mnasnet-b1", 0.75, 3'170'208},   {"mnasnet-b1", 1.4, 7'115'728},
                                 {"mnasnet-small", 0.5, 1'553'350}, {"mnasnet-small", 0.75, 1'753'518},
                                 {"mnasnet-small", 1.4, 2'603'374}, {"mnasnet-d1-320", 1.0, 6'960'784}};
  for (const Row& row : rows) {
    EXPECT_EQ(count(build_model(row.name, {.depth_multiplier = row.multiplier})).parameters, row.parameters)
        << row.name << " " << row.multiplier;
  }
}

// Spec mnasnet 3.2: parameters and multiply-adds (in millions) of the published table, to its last digit.
TEST(MnasNet, PublishedTableOfA1) {
  const auto digits = [](double millions) { return fmt::format("{:.1f}", millions); };
  EXPECT_EQ(published_mnasnets().size(), 25);
  for (const PublishedMnasNet& row : published_mnasnets()) {
    SCOPED_TRACE(fmt::format("{} x {}", row.size, row.depth_multiplier));
    const Cost cost = count(build_published(row));
    EXPECT_EQ(digits(static_cast<double>(cost.parameters) / 1e6), digits(row.parameters));
    EXPECT_EQ(digits(static_cast<double>(cost.tflite_operations) / 2e6), digits(row.multiply_adds));
  }
}

// Spec mnasnet 3.3, the worked example.
TEST(MnasNet, OperationsOfTheOldConverter) {
  EXPECT_EQ(count(build_model("mnasnet-a1")).tflite_operations, 630'464'854);
}

TEST(MnasNet, DepthOptions) {
  const auto stem = [](const ModelOptions& options) {
    return endpoints_of(build_model("mnasnet-a1", options))["stem"].back();
  };
  EXPECT_EQ(stem({.depth_multiplier = 0.6, .depth_divisor = 4.0}), 20);
  EXPECT_EQ(stem({.depth_multiplier = 0.1, .min_depth = 24.0}), 24);
  EXPECT_EQ(stem({.depth_multiplier = 0.1, .min_depth = 0.0}), 8);
  EXPECT_EQ(build_model("mnasnet-a1", {.depth_multiplier = 0.0}), build_model("mnasnet-a1"));
}

// The string has no "noskip", but its declared widths differ: no skip though 8 channels go in and 8 come out.
TEST(MnasNet, FirstBlockOfSmallHasNoSkip) {
  const Graph graph = build_model("mnasnet-small");
  for (const Node& node : graph.nodes()) {
    EXPECT_FALSE(std::holds_alternative<Add>(node.op) && node.scope == "mnasnet-small/mnas_blocks_0");
  }
}

TEST(MnasNet, BatchNormIsTheFusedKernels) {
  int norms = 0;
  const Graph graph = build_model("mnasnet-small");
  for (const Node& node : graph.nodes()) {
    const auto* norm = std::get_if<BatchNorm>(&node.op);
    if (norm == nullptr) continue;
    ++norms;
    EXPECT_TRUE(norm->unbiased_moving_variance);
    EXPECT_EQ(norm->combine, BatchNormCombine::kNone);
    EXPECT_EQ(norm->momentum, 0.99);
    EXPECT_EQ(norm->epsilon, 1e-3);
  }
  EXPECT_EQ(norms, 46);
  EXPECT_EQ(build_model("mnasnet-small").input_spec().resize, ResizeMethod::kBilinear);
  EXPECT_EQ(build_model("mnasnet-small").input_spec().crop, CentreCrop::kMnasNet);
}

}  // namespace
}  // namespace netwright
