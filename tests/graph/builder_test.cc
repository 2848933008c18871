#include "graph/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;
using testing::HasSubstr;

InputSpec small_input() { return {.height = 8, .width = 6}; }

TEST(GraphBuilder, NumbersLayersWithinTheirScope) {
  GraphBuilder builder("net", small_input());
  const auto model = builder.scope("net");
  EXPECT_EQ(builder.unique_name("dense"), "net/dense");
  {
    const auto block = builder.scope("blocks_0");
    EXPECT_EQ(builder.unique_name("conv2d"), "net/blocks_0/conv2d");
    EXPECT_EQ(builder.unique_name("conv2d"), "net/blocks_0/conv2d_1");
    const auto se = builder.scope("se");
    EXPECT_EQ(builder.unique_name("conv2d"), "net/blocks_0/se/conv2d");
  }
  EXPECT_EQ(builder.current_scope(), "net");
  const auto block = builder.scope("blocks_0");
  EXPECT_EQ(builder.unique_name("conv2d"), "net/blocks_0/conv2d_2");
  EXPECT_EQ(builder.unique_name("dense"), "net/blocks_0/dense");
}

TEST(GraphBuilder, ErrorsNameTheLayer) {
  GraphBuilder builder("net", small_input());
  const auto scope = builder.scope("net/blocks_3");
  const NodeId half = builder.add(Pool{PoolKind::kMax, {2, 2, 2, 2}}, {builder.input()});
  EXPECT_EQ(error_of([&] {
              builder.add(Add{}, {builder.input(), half});
            }),
            "net/blocks_3: Add can't add [8, 6, 3] and [4, 3, 3]");
  EXPECT_EQ(error_of([&] { builder.add(Softmax{}, {5}); }), "net/blocks_3: Softmax reads node 5, but there are 2");
  EXPECT_THAT(error_of([&] { builder.add(Input{{8, 6, 3}}, {}); }), HasSubstr("a second Input"));
}

TEST(GraphBuilder, RefusesRepeatedAndImpossibleParameters) {
  GraphBuilder builder("net", small_input());
  builder.parameter({.name = "net/kernel", .shape = {1, 1, 3, 4}});
  EXPECT_EQ(error_of([&] { builder.parameter({.name = "net/kernel", .shape = {2}}); }),
            "net: there are two parameters named net/kernel");
  EXPECT_EQ(error_of([&] { builder.parameter({.name = "net/bias", .shape = {-4}}); }),
            "net: parameter net/bias [-4] has a size below 1");
  EXPECT_THAT(error_of([&] {
                builder.parameter({.name = "net/big", .shape = {1 << 30, 1 << 30, 1 << 30}});
              }),
              HasSubstr("is too large"));
}

TEST(GraphBuilder, RefusesImpossibleInputs) {
  EXPECT_THAT(error_of([] { GraphBuilder("net", {.height = 0}); }), HasSubstr("images of 0 x 224 pixels"));
  EXPECT_THAT(error_of([] { GraphBuilder("net", {.deviation = {1.0F, 0.0F, 1.0F}}); }), HasSubstr("deviation is 0"));
}

TEST(GraphBuilder, OutputsAreNamedOnce) {
  GraphBuilder builder("net", small_input());
  EXPECT_THAT(error_of([&] { builder.finish(); }), HasSubstr("needs at least one output"));
  const NodeId pooled = builder.add(GlobalPool{}, {builder.input()});
  builder.output("logits", pooled);
  EXPECT_THAT(error_of([&] { builder.output("logits", pooled); }), HasSubstr("two of the output \"logits\""));
  EXPECT_THAT(error_of([&] { builder.endpoint("far", 9); }), HasSubstr("endpoint \"far\" is node 9"));
  const Graph graph = builder.finish();
  EXPECT_EQ(graph.classes(), 3);
  EXPECT_EQ(graph.input_shape(), (Shape{8, 6, 3}));
  EXPECT_EQ(error_of([&] { (void)graph.output("aux"); }), "net has no output \"aux\"; it has logits");
}

TEST(ParameterRefs, AreInTheirFixedOrderWithoutAbsentOnes) {
  const BatchNorm norm = {.beta = {4, {8}}, .moving_mean = {5, {8}}, .moving_variance = {6, {8}}};
  std::vector<int> ids;
  for (const ParameterRef& ref : parameter_refs(norm)) ids.push_back(ref.id);
  EXPECT_EQ(ids, (std::vector<int>{4, 5, 6}));
  EXPECT_TRUE(parameter_refs(Add{}).empty());
}

}  // namespace
}  // namespace netwright
