#include "models/efficientnet.h"

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "support/golden.h"

namespace netwright {
namespace {

using testing::HasSubstr;

EfficientNetParams custom(std::string_view stage) {
  EfficientNetParams params;
  params.name = "net";
  params.stages = {parse_block(stage, BlockNotation::kEfficientNet)};
  params.input.height = params.input.width = 32;
  return params;
}

std::map<std::string, Shape> endpoints_of(const Graph& graph) {
  std::map<std::string, Shape> endpoints;
  for (const NamedNode& named : graph.endpoints()) endpoints[named.name] = graph.node(named.node).shape;
  return endpoints;
}

std::vector<std::string> names_in(const Graph& graph, std::string_view scope) {
  std::vector<std::string> names;
  for (const Parameter& parameter : graph.parameters()) {
    if (parameter.name.find(scope) != std::string::npos) names.push_back(parameter.name);
  }
  return names;
}

template <typename Kind>
std::vector<Kind> operators_in(const Graph& graph, std::string_view scope) {
  std::vector<Kind> found;
  for (const Node& node : graph.nodes()) {
    const auto* op = std::get_if<Kind>(&node.op);
    if (op != nullptr && node.scope == scope) found.push_back(*op);
  }
  return found;
}

TEST(EfficientNet, EndpointsAreTheOriginals) {
  const nlohmann::json golden = golden::json_of("efficientnet/efficientnet-b0.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
  std::map<std::string, Shape> expected;
  for (const auto& [name, shape] : golden["endpoints"].items()) {
    expected[name] = Shape(shape.begin() + 1, shape.end());
  }
  EXPECT_EQ(endpoints_of(build_model("efficientnet-b0")), expected);
}

// Spec efficientnet 2.4, "Expanded stage widths, repeats and block totals".
TEST(EfficientNet, BlocksAndWidths) {
  struct Row {
    std::string_view name;
    int64_t stem;
    int64_t last;
    int64_t head;
    int blocks;
  };
  const std::vector<Row> rows = {
      {"efficientnet-b3", 40, 384, 1536, 26},        {"efficientnet-b7", 64, 640, 2560, 55},
      {"efficientnet-l2", 136, 1376, 5504, 88},      {"efficientnet-lite4", 32, 448, 1280, 30},
      {"efficientnet-edgetpu-L", 40, 232, 1536, 27}, {"efficientnet-condconv-b0-8e-depth", 32, 320, 1280, 23}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const Graph graph = build_model(row.name);
    std::map<std::string, int64_t> widths;
    for (const NamedNode& named : graph.endpoints()) widths[named.name] = graph.node(named.node).shape.back();
    EXPECT_EQ(widths["stem"], row.stem);
    EXPECT_EQ(widths["features"], row.last);
    EXPECT_EQ(widths["head_1x1"], row.head);
    EXPECT_TRUE(widths.contains(fmt::format("block_{}", row.blocks - 1)));
    EXPECT_FALSE(widths.contains(fmt::format("block_{}", row.blocks)));
  }
}

TEST(EfficientNet, SurvivalZeroAndOneSwitchDropConnectOff) {
  const auto drops = [](double survival) {
    int found = 0;
    const Graph graph = build_model("efficientnet-b0", {.survival_probability = survival});
    for (const Node& node : graph.nodes()) {
      found += std::holds_alternative<DropPath>(node.op) ? 1 : 0;
    }
    return found;
  };
  EXPECT_EQ(drops(0.0), 0);
  EXPECT_EQ(drops(1.0), 0);
  EXPECT_EQ(drops(0.5), 9);
}

// Golden case efficientnet-b0-overrides-64: 0.7 wide and half as deep.
TEST(EfficientNet, Overrides) {
  const nlohmann::json golden = golden::json_of("efficientnet/efficientnet-b0-overrides-64.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
  const Graph graph = build_model("efficientnet-b0", {.classes = 10,
                                                      .height = 64,
                                                      .width = 64,
                                                      .batch_norm_momentum = 0.9,
                                                      .batch_norm_epsilon = 0.01,
                                                      .width_coefficient = 0.7,
                                                      .depth_coefficient = 0.5});
  ASSERT_EQ(graph.parameters().size(), golden["variables"].size());
  for (size_t i = 0; i < graph.parameters().size(); ++i) {
    EXPECT_EQ(graph.parameters()[i].name, golden["variables"][i]["name"].get<std::string>());
    EXPECT_EQ(graph.parameters()[i].shape, golden["variables"][i]["shape"].get<Shape>());
  }
  const auto norms = operators_in<BatchNorm>(graph, "efficientnet-b0/stem");
  ASSERT_EQ(norms.size(), 1U);
  EXPECT_EQ(norms[0].momentum, 0.9);
  EXPECT_EQ(norms[0].epsilon, 0.01);
  EXPECT_FALSE(norms[0].unbiased_moving_variance);
  EXPECT_EQ(norms[0].combine, BatchNormCombine::kMeanOfVariances);
  // 0 is ignored, as by the original's flags.
  EXPECT_EQ(build_model("efficientnet-b1", {.width_coefficient = 0.0, .depth_coefficient = 0.0}),
            build_model("efficientnet-b1"));
}

// Spec efficientnet 4.1.
TEST(EfficientNet, InitialValues) {
  const Graph graph = build_model("efficientnet-condconv-b0-4e");
  std::map<std::string, Initializer> begins;
  for (const Parameter& parameter : graph.parameters()) begins[parameter.name] = parameter.initializer;
  const auto scale = [&](const std::string& name, Initializer::Kind kind) {
    const Initializer& initializer = begins.at("efficientnet-condconv-b0-4e/" + name);
    EXPECT_EQ(initializer.kind, kind) << name;
    return initializer.scale;
  };
  using Kind = Initializer::Kind;
  EXPECT_DOUBLE_EQ(scale("stem/conv2d/kernel", Kind::kNormal), std::sqrt(2.0 / (3 * 3 * 32)));
  EXPECT_DOUBLE_EQ(scale("blocks_3/depthwise_conv2d/depthwise_kernel", Kind::kNormal), std::sqrt(2.0 / 25));
  EXPECT_DOUBLE_EQ(scale("blocks_1/se/conv2d/kernel", Kind::kNormal), std::sqrt(2.0 / 4));
  EXPECT_DOUBLE_EQ(scale("blocks_8/dense/kernel", Kind::kUniform), std::sqrt(6.0 / (80 + 4)));
  EXPECT_DOUBLE_EQ(scale("model/blocks_8/cond_conv2d_1/condconv_kernel", Kind::kNormal), std::sqrt(2.0 / 480));
  EXPECT_DOUBLE_EQ(scale("model/blocks_8/depthwise_cond_conv2d/depthwise_condconv_kernel", Kind::kNormal),
                   std::sqrt(2.0 / 25));
  EXPECT_DOUBLE_EQ(scale("head/dense/kernel", Kind::kUniform), 1.0 / std::sqrt(1000.0));
  scale("head/dense/bias", Kind::kZeros);
  scale("stem/tpu_batch_normalization/gamma", Kind::kOnes);
  scale("stem/tpu_batch_normalization/beta", Kind::kZeros);
  scale("stem/tpu_batch_normalization/moving_mean", Kind::kZeros);
  scale("stem/tpu_batch_normalization/moving_variance", Kind::kOnes);
}

TEST(EfficientNet, NormalisationBelongsToTheBranch) {
  const std::array<float, 3> imagenet = {123.675F, 116.28F, 103.53F};
  const std::array<float, 3> centred = {127.0F, 127.0F, 127.0F};
  EXPECT_EQ(build_model("efficientnet-b4").input_spec().mean, imagenet);
  for (const char* name : {"efficientnet-lite0", "efficientnet-edgetpu-S", "efficientnet-condconv-b0-8e"}) {
    EXPECT_EQ(build_model(name).input_spec().mean, centred) << name;
    EXPECT_EQ(build_model(name).input_spec().deviation[0], 128.0F) << name;
    EXPECT_EQ(build_model(name).input_spec().resize, ResizeMethod::kBicubic) << name;
  }
}

// Spec efficientnet 2.5: the fused convolution takes the expansion's name, and each stage may have its activation.
TEST(EfficientNet, FusedBlocksAndTheirActivation) {
  const Graph graph = build_efficientnet(custom("r1_k5_s22_e4_i32_o24_se0.25_f1_a0"));
  EXPECT_THAT(names_in(graph, "blocks_0/conv2d"),
              testing::ElementsAre("net/blocks_0/conv2d/kernel", "net/blocks_0/conv2d_1/kernel"));
  EXPECT_TRUE(names_in(graph, "depthwise").empty());
  const auto convs = operators_in<Conv2D>(graph, "net/blocks_0");
  ASSERT_EQ(convs.size(), 2U);
  EXPECT_EQ(convs[0].window, (Window{5, 5, 2, 2}));
  EXPECT_EQ(convs[0].filters, 128);
  EXPECT_EQ(operators_in<Activation>(graph, "net/blocks_0").at(0).kind, ActivationKind::kRelu);
  EXPECT_EQ(operators_in<Activation>(graph, "net/stem").at(0).kind, ActivationKind::kSwish);
}

// Without an expansion EdgeTPU's block has no convolution that could stride.
TEST(EfficientNet, BlockWithoutDepthwise) {
  const Graph graph = build_efficientnet(custom("r1_k5_s22_e1_i32_o24_c1"));
  EXPECT_THAT(names_in(graph, "blocks_0/conv2d"), testing::ElementsAre("net/blocks_0/conv2d/kernel"));
  EXPECT_EQ(graph.node(graph.output("logits")).shape, (Shape{1000}));
  EXPECT_EQ(endpoints_of(graph).at("features"), (Shape{16, 16, 24}));
}

// Spec efficientnet 2.4, "X-b0 first blocks", and its remark on x-b5: squeezed and given channels, and the picture.
TEST(EfficientNet, SpaceToDepthBlocks) {
  struct Row {
    std::string_view model;
    int block;
    int64_t squeezed;
    Shape output;
  };
  const std::vector<Row> rows = {
      {"efficientnet-x-b0", 0, 32, {56, 56, 64}},  {"efficientnet-x-b0", 1, 16, {56, 56, 24}},
      {"efficientnet-x-b0", 2, 24, {56, 56, 24}},  {"efficientnet-x-b0", 3, 24, {28, 28, 40}},
      {"efficientnet-x-b0", 4, 40, {28, 28, 40}},  {"efficientnet-x-b5", 0, 12, {114, 114, 96}},
      {"efficientnet-x-b5", 1, 24, {114, 114, 96}}};
  for (const Row& row : rows) {
    SCOPED_TRACE(fmt::format("{} block {}", row.model, row.block));
    const Graph graph = build_model(row.model);
    EXPECT_EQ(endpoints_of(graph).at(fmt::format("block_{}", row.block)), row.output);
    const auto convs = operators_in<Conv2D>(graph, fmt::format("{}/blocks_{}/se", row.model, row.block));
    ASSERT_EQ(convs.size(), 2);
    EXPECT_EQ(convs[0].filters, row.squeezed);
  }
  const Graph graph = build_model("efficientnet-x-b0");
  std::map<std::string, NodeId> nodes;
  for (const NamedNode& named : graph.endpoints()) nodes[named.name] = named.node;
  EXPECT_EQ(nodes["reduction_1"], nodes["stem"]);
  EXPECT_EQ(nodes["reduction_2"], nodes["block_2"]);
}

TEST(EfficientNet, RefusesStagesThatItCannotBuild) {
  const auto error_of = [](std::string_view stage) -> std::string {
    try {
      build_efficientnet(custom(stage));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of("r1_k3_s11_e2_i32_o16_c1_d1"),
              HasSubstr("net: stage r1_k3_s11_e2_i32_o16_c1_f0_d1: c1 and d exclude each other"));
  EXPECT_THAT(error_of("r1_k3_s33_e2_i32_o16_d1"), HasSubstr("strides with d are 1 or 2"));
  EXPECT_THAT(error_of("r1_k3_s11_e1_i32_o16_cc"), HasSubstr("a cc stage needs experts"));
  EXPECT_THAT(error_of("r1_k3_s11_e2_i32_o16_c1_cc"), HasSubstr("c1 and cc exclude each other"));
  EXPECT_THAT(error_of("r1_k3_s11_e1_i24_o16_se0.25"), HasSubstr("net/blocks_0/se: Multiply can't multiply"));
  EfficientNetParams empty = custom("r1_k3_s11_e1_i32_o16");
  empty.stages.clear();
  EXPECT_THROW(build_efficientnet(empty), Error);
}

}  // namespace
}  // namespace netwright
