// The places of parameters; their names elsewhere are compared with timm's and torchvision's in tests/interop.
#include "graph/sites.h"

#include <gtest/gtest.h>

#include "graph/builder.h"
#include "support/testing.h"

namespace netwright {
namespace {

ParameterRef add_kernel(GraphBuilder& builder, const std::string& name, Shape shape) {
  return builder.parameter({name, std::move(shape), ParameterRole::kKernel, {}, 1.0});
}

NodeId add_conv(GraphBuilder& builder, NodeId input, const std::string& name, int kernel, int64_t filters) {
  Conv2D conv = {.window = {.kernel_h = kernel, .kernel_w = kernel}, .filters = filters};
  conv.kernel = add_kernel(builder, name, {kernel, kernel, builder.shape(input).back(), filters});
  return builder.add(conv, {input});
}

NodeId add_depthwise(GraphBuilder& builder, NodeId input, const std::string& name) {
  DepthwiseConv2D conv = {.window = {.kernel_h = 3, .kernel_w = 3}};
  conv.kernel =
      builder.parameter({name, {3, 3, builder.shape(input).back(), 1}, ParameterRole::kDepthwiseKernel, {}, 1.0});
  return builder.add(conv, {input});
}

GraphBuilder small_builder() { return {"net", {.height = 8, .width = 8}}; }

// Stem; a block that expands in two parts, gates and projects; one that is fused; a convolution, the head and the
// classifier.
TEST(Sites, AreToldFromTheStructure) {
  GraphBuilder builder = small_builder();
  NodeId x = add_conv(builder, builder.input(), "stem", 3, 4);
  const NodeId first = builder.next_node();
  const NodeId left = builder.add(Split{0, 2}, {x});
  const NodeId right = builder.add(Split{2, 2}, {x});
  x = builder.add(Concat{}, {add_conv(builder, left, "expand_0", 1, 4), add_conv(builder, right, "expand_1", 1, 4)});
  x = add_depthwise(builder, x, "depthwise");
  NodeId gate = builder.add(GlobalPool{true}, {x});
  gate = builder.add(Activation{}, {add_conv(builder, gate, "squeeze", 1, 2)});
  gate = builder.add(Activation{ActivationKind::kSigmoid}, {add_conv(builder, gate, "excite", 1, 8)});
  x = builder.add(Multiply{}, {x, gate});
  x = add_conv(builder, x, "project", 1, 4);
  builder.block({0, first, builder.next_node()});
  const NodeId second = builder.next_node();
  x = add_conv(builder, add_conv(builder, x, "fused", 3, 8), "project_2", 1, 4);
  builder.block({0, second, builder.next_node()});
  x = add_conv(builder, x, "plain", 1, 6);
  x = add_conv(builder, x, "head", 1, 5);
  x = add_conv(builder, x, "classifier", 1, 3);
  builder.output("logits", x);
  const Graph graph = builder.finish();

  struct Row {
    std::string_view name;
    Layer layer;
    BlockForm form;
    int stage, block, index, position, part;
  };
  using enum Layer;
  const std::vector<Row> rows = {{"stem", kStem, BlockForm::kNone, 0, 0, 0, 0, -1},
                                 {"expand_0", kExpand, BlockForm::kInverted, 0, 0, 0, 0, 0},
                                 {"expand_1", kExpand, BlockForm::kInverted, 0, 0, 0, 0, 1},
                                 {"depthwise", kDepthwise, BlockForm::kInverted, 0, 0, 0, 1, -1},
                                 {"squeeze", kSqueeze, BlockForm::kInverted, 0, 0, 0, 2, -1},
                                 {"excite", kExcite, BlockForm::kInverted, 0, 0, 0, 2, -1},
                                 {"project", kProject, BlockForm::kInverted, 0, 0, 0, 3, -1},
                                 {"fused", kFused, BlockForm::kFused, 0, 1, 1, 0, -1},
                                 {"project_2", kProject, BlockForm::kFused, 0, 1, 1, 1, -1},
                                 {"plain", kPlain, BlockForm::kPlain, 1, 0, 2, 0, -1},
                                 {"head", kHead, BlockForm::kNone, 0, 0, 0, 0, -1},
                                 {"classifier", kClassifier, BlockForm::kNone, 0, 0, 0, 0, -1}};
  const std::vector<Site> sites = parameter_sites(graph);
  ASSERT_EQ(sites.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    SCOPED_TRACE(row.name);
    EXPECT_EQ(graph.parameters()[i].name, row.name);
    EXPECT_EQ(sites[i].layer, row.layer);
    EXPECT_EQ(sites[i].form, row.form);
    EXPECT_EQ(sites[i].stage, row.stage);
    EXPECT_EQ(sites[i].block, row.block);
    EXPECT_EQ(sites[i].index, row.index);
    EXPECT_EQ(sites[i].position, row.position);
    EXPECT_EQ(sites[i].part, row.part);
    EXPECT_FALSE(sites[i].norm);
  }
}

TEST(Sites, WithoutBlocksNothingIsKnown) {
  GraphBuilder builder = small_builder();
  builder.output("logits", add_conv(builder, builder.input(), "conv", 3, 4));
  EXPECT_EQ(parameter_sites(builder.finish()).front().layer, Layer::kOther);
}

TEST(Sites, BlocksComeInOrder) {
  GraphBuilder builder = small_builder();
  NodeId x = add_conv(builder, builder.input(), "a", 3, 4);
  x = add_conv(builder, x, "b", 3, 4);
  builder.block({1, 1, 2});
  EXPECT_NE(test::error_of([&] { builder.block({1, 1, 3}); }), "(no error)");  // overlaps
  EXPECT_NE(test::error_of([&] { builder.block({0, 2, 3}); }), "(no error)");  // an earlier stage
  EXPECT_NE(test::error_of([&] { builder.block({1, 2, 4}); }), "(no error)");  // no such node
  EXPECT_NE(test::error_of([&] { builder.block({1, 2, 2}); }), "(no error)");  // empty
  builder.block({1, 2, 3});
}

}  // namespace
}  // namespace netwright
