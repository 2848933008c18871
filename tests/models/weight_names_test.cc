// Against spec formats 8.3 and 8.4: names and counts of timm and EfficientNet-PyTorch. tests/interop has the packages
// themselves.
#include "models/weight_names.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "models/aliases.h"
#include "models/registry.h"
#include "support/testing.h"

namespace netwright {
namespace {

std::vector<std::string> names_in(const Graph& graph, std::string_view convention) {
  std::vector<std::string> names;
  const auto tensors = foreign_tensors(graph, find_weight_convention(convention));
  if (!tensors) return names;
  for (const ForeignTensor& tensor : *tensors) names.push_back(tensor.name);
  return names;
}

std::string name_of(const Graph& graph, std::string_view convention, std::string_view parameter) {
  const std::vector<std::string> names = names_in(graph, convention);
  for (size_t id = 0; id < names.size(); ++id) {
    if (graph.parameters()[id].name == parameter) return names[id];
  }
  return "";
}

TEST(WeightNames, Counts) {
  struct Row {
    std::string_view model;
    size_t keys;
  };
  const std::vector<Row> rows = {
      {"efficientnet_b0", 360}, {"tf_efficientnet_lite0", 296}, {"semnasnet_100", 328}, {"mnasnet_100", 314}};
  for (const Row& row : rows) {
    const Graph graph = build_model(row.model);
    const size_t counters = foreign_counters(graph, find_weight_convention("timm")).size();
    EXPECT_EQ(names_in(graph, "timm").size() + counters, row.keys) << row.model;
  }
}

TEST(WeightNames, OfEfficientNetB0) {
  struct Row {
    std::string_view tensorflow;
    std::string_view lukemelas;
    std::string_view timm;
  };
  // The third block is the second of stage 1.
  const std::vector<Row> rows = {
      {"stem/conv2d/kernel", "_conv_stem.weight", "conv_stem.weight"},
      {"stem/tpu_batch_normalization/gamma", "_bn0.weight", "bn1.weight"},
      {"blocks_2/conv2d/kernel", "_blocks.2._expand_conv.weight", "blocks.1.1.conv_pw.weight"},
      {"blocks_2/tpu_batch_normalization/beta", "_blocks.2._bn0.bias", "blocks.1.1.bn1.bias"},
      {"blocks_2/depthwise_conv2d/depthwise_kernel", "_blocks.2._depthwise_conv.weight", "blocks.1.1.conv_dw.weight"},
      {"blocks_2/tpu_batch_normalization_1/moving_mean", "_blocks.2._bn1.running_mean", "blocks.1.1.bn2.running_mean"},
      {"blocks_2/se/conv2d/kernel", "_blocks.2._se_reduce.weight", "blocks.1.1.se.conv_reduce.weight"},
      {"blocks_2/se/conv2d_1/bias", "_blocks.2._se_expand.bias", "blocks.1.1.se.conv_expand.bias"},
      {"blocks_2/conv2d_1/kernel", "_blocks.2._project_conv.weight", "blocks.1.1.conv_pwl.weight"},
      {"blocks_2/tpu_batch_normalization_2/moving_variance", "_blocks.2._bn2.running_var",
       "blocks.1.1.bn3.running_var"},
      {"blocks_0/conv2d/kernel", "_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"},
      {"blocks_0/tpu_batch_normalization/gamma", "_blocks.0._bn1.weight", "blocks.0.0.bn1.weight"},
      {"blocks_0/tpu_batch_normalization_1/gamma", "_blocks.0._bn2.weight", "blocks.0.0.bn2.weight"},
      {"head/conv2d/kernel", "_conv_head.weight", "conv_head.weight"},
      {"head/tpu_batch_normalization/gamma", "_bn1.weight", "bn2.weight"},
      {"head/dense/bias", "_fc.bias", "classifier.bias"}};
  const Graph graph = build_model("efficientnet-b0");
  for (const Row& row : rows) {
    const std::string parameter = "efficientnet-b0/" + std::string(row.tensorflow);
    EXPECT_EQ(name_of(graph, "lukemelas", parameter), row.lukemelas);
    EXPECT_EQ(name_of(graph, "timm", parameter), row.timm);
  }
}

TEST(WeightNames, EachOnce) {
  for (const ModelInfo& model : all_models()) {
    std::vector<std::string> names = names_in(build_model(model.name), "timm");
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << model.name;
  }
  // Nobody else has its first block.
  EXPECT_TRUE(names_in(build_model("efficientnet-x-b0"), "timm").empty());
  EXPECT_TRUE(test::error_of([] { find_weight_convention("keras"); }).starts_with("there is no convention \"keras\""));
}

TEST(WeightNames, Layouts) {
  const Graph graph = build_model("efficientnet-condconv-b0-4e", {.height = 32, .width = 32});
  const auto tensors = foreign_tensors(graph, find_weight_convention("timm"));
  ASSERT_TRUE(tensors.has_value());
  for (size_t id = 0; id < tensors->size(); ++id) {
    const Parameter& parameter = graph.parameters()[id];
    const ForeignTensor& tensor = (*tensors)[id];
    const Shape& ours = parameter.shape;
    Shape expected = ours;
    if (parameter.role == ParameterRole::kKernel) expected = {ours[3], ours[2], ours[0], ours[1]};
    if (parameter.role == ParameterRole::kDepthwiseKernel) expected = {ours[2], 1, ours[0], ours[1]};
    if (parameter.role == ParameterRole::kDenseKernel) expected = {ours[1], ours[0]};
    EXPECT_EQ(tensor.shape, expected) << parameter.name;
  }
  // Back and forth; in a kernel [2, 1, 3, 2] the element (1, 0, 2, 1) is the last one, and (1, 2, 1, 0) there.
  const ForeignTensor kernel = {
      .name = "k", .shape = {2, 3, 2, 1}, .outer = 1, .ours = {2, 1, 3, 2}, .order = {3, 2, 0, 1}};
  std::vector<float> values(12);
  std::iota(values.begin(), values.end(), 0.0F);
  std::vector<float> foreign(12);
  kernel.from_ours(values, foreign);
  EXPECT_EQ(foreign, (std::vector<float>{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}));
  std::vector<float> back(12);
  kernel.to_ours(foreign, back);
  EXPECT_EQ(back, values);
}

TEST(Aliases, SayConventionAndWidth) {
  EXPECT_EQ(find_alias("efficientnet_b0")->options.timm, true);
  EXPECT_FALSE(find_alias("tf_efficientnet_b0")->options.timm.has_value());
  EXPECT_EQ(find_alias("tf_efficientnet_b0")->model, "efficientnet-b0");
  EXPECT_EQ(find_alias("semnasnet_075")->options.depth_multiplier, 0.75);
  for (const char* ours : {"efficientnet-b0", "EfficientNetB0", "tf_mnasnet_100", "efficientnet_edgetpu_s"}) {
    EXPECT_FALSE(find_alias(ours).has_value()) << ours;
  }
  const auto stem = [](const Graph& graph) {
    for (const Node& node : graph.nodes()) {
      if (const auto* conv = std::get_if<Conv2D>(&node.op)) return conv->window.padding;
    }
    return Padding::kValid;
  };
  EXPECT_EQ(stem(build_model("efficientnet_b0")), Padding::kSymmetric);
  EXPECT_EQ(stem(build_model("tf_efficientnet_b0")), Padding::kSame);
  EXPECT_EQ(stem(build_model("efficientnet_b0", {.timm = false})), Padding::kSame);
  EXPECT_EQ(stem(build_model("mixnet_s")), Padding::kSymmetric);
  EXPECT_EQ(build_model("mnasnet_100", {.classes = 7}).classes(), 7);
}

}  // namespace
}  // namespace netwright
