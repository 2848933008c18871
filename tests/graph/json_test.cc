#include "graph/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "graph/builder.h"
#include "graph/text.h"

namespace netwright {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(std::string_view text) {
  try {
    from_json(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

ParameterRef add_parameter(GraphBuilder& builder, std::string name, Shape shape, ParameterRole role) {
  return builder.parameter({std::move(name), std::move(shape), role, {Initializer::Kind::kNormal, 0.1}, 0.5});
}

// Every operator, with attributes that differ from their defaults.
Graph kitchen_sink() {
  GraphBuilder builder("net", {.height = 16,
                               .width = 12,
                               .resize = ResizeMethod::kBilinear,
                               .crop = CentreCrop::kNone,
                               .mean = {0.1F, 0.2F, 0.3F},
                               .deviation = {1.5F, 2.5F, 3.5F}});
  const auto scope = builder.scope("net");
  Conv2D conv = {.window = {3, 1, 2, 1, 1, Padding::kSymmetric}, .filters = 8};
  conv.kernel = add_parameter(builder, "net/kernel", {3, 1, 3, 8}, ParameterRole::kKernel);
  conv.bias = add_parameter(builder, "net/bias", {8}, ParameterRole::kBias);
  NodeId x = builder.add(conv, {builder.input()});
  BatchNorm norm = {.momentum = 0.9, .epsilon = 0.01, .unbiased_moving_variance = true};
  norm.combine = BatchNormCombine::kMeanOfVariances;
  norm.gamma = add_parameter(builder, "net/gamma", {16}, ParameterRole::kGamma);
  norm.gamma.extent = {8};
  norm.moving_mean = add_parameter(builder, "net/moving_mean", {8}, ParameterRole::kMovingMean);
  norm.moving_variance = add_parameter(builder, "net/moving_variance", {8}, ParameterRole::kMovingVariance);
  x = builder.add(norm, {x});
  x = builder.add(Activation{ActivationKind::kHardSwish}, {x});
  const NodeId routing = builder.add(GlobalPool{}, {x});
  const ParameterRef experts = add_parameter(builder, "net/experts", {8, 72}, ParameterRole::kExpertKernels);
  const NodeId mixed = builder.add(MixExperts{{3, 3, 8, 1}, experts}, {routing});
  x = builder.add(DepthwiseConv2D{.window = {3, 3, 1, 1, 2}}, {x, mixed});
  DepthwiseConv2D doubled = {.window = {1, 1}, .multiplier = 2};
  doubled.kernel = add_parameter(builder, "net/doubled", {1, 1, 8, 2}, ParameterRole::kDepthwiseKernel);
  const NodeId twice = builder.add(doubled, {x});
  x = builder.add(Split{4, 8}, {twice});
  const Scale scale = {add_parameter(builder, "net/scale", {}, ParameterRole::kScale)};
  x = builder.add(scale, {x});
  x = builder.add(Pool{PoolKind::kAverage, {2, 2, 2, 2, 1, Padding::kValid}}, {x});
  const NodeId part = builder.add(Split{2, 4}, {x});
  x = builder.add(Concat{}, {x, part});
  x = builder.add(Multiply{}, {x, x});
  x = builder.add(Weigh{0.5}, {x});
  x = builder.add(DropPath{0.75, true}, {x});
  x = builder.add(Add{}, {x, x});
  x = builder.add(Pad{1, 1, 0, 2}, {x});
  x = builder.add(SpaceToDepth{2}, {x});
  builder.endpoint("features", x);
  x = builder.add(GlobalPool{true}, {x});
  x = builder.add(Flatten{}, {x});
  x = builder.add(Dropout{0.25}, {x});
  Dense dense = {.units = 5};
  dense.kernel = add_parameter(builder, "net/dense", {48, 5}, ParameterRole::kDenseKernel);
  x = builder.add(dense, {x});
  builder.output("logits", x);
  builder.output("probabilities", builder.add(Softmax{}, {x}), 0.25);
  return builder.finish();
}

TEST(GraphJson, RoundTripsEveryOperator) {
  const Graph graph = kitchen_sink();
  std::vector<bool> used(std::variant_size_v<Operator>);
  for (const Node& node : graph.nodes()) used[node.op.index()] = true;
  EXPECT_EQ(std::count(used.begin(), used.end(), false), 0) << "an operator is missing from this test's graph";
  const Graph read = from_json(to_json(graph));
  EXPECT_EQ(read, graph);
  EXPECT_EQ(to_text(read), to_text(graph));
}

// Each case changes the document at a place and gives the beginning of the error.
struct Damage {
  std::string pointer;
  json value;
  std::string message;
};

TEST(GraphJson, DamageIsNamed) {
  const std::vector<Damage> damages = {
      {"/nodes/1/attributes/filters", "many", "nodes[1].attributes.filters: expected a whole number, found \"many\""},
      {"/nodes/1/attributes/filters", 9, "net: Conv2D kernel net/kernel has the extent [3, 1, 3, 8]"},
      {"/nodes/1/attributes/window/padding", "odd", "expected one of same, valid, symmetric, found \"odd\""},
      {"/nodes/1/attributes/window/kernel_h", 1e10, "nodes[1].attributes.window.kernel_h: expected a whole number"},
      {"/nodes/1/attributes/window/kernel_h", int64_t{1} << 40, "expected a smaller number"},
      {"/nodes/1/attributes/kernel", "net/kernal", "expected the name of a parameter, found \"net/kernal\""},
      {"/nodes/1/operator", "Conv3D", "nodes[1].operator: expected the name of an operator, found \"Conv3D\""},
      {"/nodes/1/shape", {8, 12, 9}, "nodes[1].shape: expected [8, 12, 8], found [8,12,9]"},
      {"/nodes/1/inputs", {7}, "net: Conv2D reads node 7, but there are 1"},
      {"/nodes/1/inputs", {1}, "net: Conv2D reads node 1, but there are 1"},
      {"/nodes/1/atributes", 1, "nodes[1] has an unknown \"atributes\"; did you mean attributes?"},
      {"/nodes/0/attributes/shape", {16, 12, 4}, "nodes[0]: expected an Input of [16, 12, 3]"},
      {"/nodes", json::array(), "nodes: expected at least the Input"},
      {"/parameters/1/name", "net/kernel", "net: there are two parameters named net/kernel"},
      {"/parameters/1/name", "a\nb",
       R"(parameters[1].name: expected a string without control characters, found "a\nb")"},
      {"/parameters/1/shape", {0}, "net: parameter net/bias [0] has a size below 1"},
      {"/parameters/1/l2", -1, "parameters[1].l2: expected a number of at least 0"},
      {"/parameters/1/role", 3, "parameters[1].role: expected a string, found 3"},
      {"/input/mean", {1, 2}, "input.mean: expected three numbers, found [1,2]"},
      {"/input/height", uint64_t{1} << 63, "input.height: expected a whole number"},
      {"/format", "other", "format: expected \"netwright-graph\", found \"other\""},
      {"/outputs", json::array(), "net: a graph needs at least one output"},
      {"/outputs/1/loss_weight", -1, "net: output \"probabilities\" has the loss weight -1, expected at least 0"},
      {"/endpoints/0/node", 99, "net: endpoint \"features\" is node 99"},
  };
  const json document = json::parse(to_json(kitchen_sink()));
  for (const Damage& damage : damages) {
    json damaged = document;
    damaged[json::json_pointer(damage.pointer)] = damage.value;
    EXPECT_THAT(error_of(damaged.dump()), HasSubstr(damage.message)) << damage.pointer;
  }
}

TEST(GraphJson, RefusesWhatIsMissingOrCut) {
  json document = json::parse(to_json(kitchen_sink()));
  document.erase("outputs");
  EXPECT_EQ(error_of(document.dump()), "graph JSON: the document has no \"outputs\"");
  const std::string whole = to_json(kitchen_sink());
  EXPECT_THAT(error_of(whole.substr(0, whole.size() / 2)), StartsWith("graph JSON: not well formed at byte "));
  EXPECT_THAT(error_of(""), StartsWith("graph JSON: not well formed at byte "));
  EXPECT_EQ(error_of("[]"), "graph JSON: the document: expected an object, found []");
  EXPECT_EQ(error_of("{\"name\": 1e999}"), "graph JSON: it has a number too large for a double");
  EXPECT_EQ(error_of("{\"na\\nme\": 1}"), R"(graph JSON: the document has an unknown "na\nme"; did you mean name?)");
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(error_of(deep), "graph JSON: the document: expected an object, found a list of 1");
}

TEST(GraphText, ANodeIsALine) {
  const std::string text = to_text(kitchen_sink());
  EXPECT_THAT(text, StartsWith("graph net\n%0 = Input() shape=[16, 12, 3] : [16, 12, 3]\n"));
  EXPECT_THAT(text, HasSubstr("\n%1 = Conv2D(%0) window=3x1/2x1,symmetric filters=8 kernel=net/kernel bias=net/bias : "
                              "[8, 12, 8] @ net\n"));
  EXPECT_THAT(text, HasSubstr(" gamma=net/gamma[8] "));
  EXPECT_THAT(text, HasSubstr("\n%6 = DepthwiseConv2D(%3, %5) window=3x3,dilation=2 : [8, 12, 8] @ net\n"));
  EXPECT_THAT(
      text, HasSubstr("\noutput logits = %22\noutput probabilities = %23 loss_weight=0.25\nendpoint features = %18\n"));
}

}  // namespace
}  // namespace netwright
