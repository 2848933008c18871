// Every model of the registry, whatever its family.
#include "models/registry.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/count.h"
#include "graph/json.h"
#include "graph/text.h"
#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;
using testing::HasSubstr;

bool is_layer_language(const ModelInfo& model) { return model.family == "shrinkcnn"; }

// Whose originals have a class 0 that no image belongs to.
bool counts_background(const ModelInfo& model) {
  return model.family == "amoebanet" || model.family == "tunas" || is_layer_language(model);
}

// What the originals decay: EfficientNet and MnasNet leave out exactly the names with "batch_normalization", the others
// biases too; AutoShrink also the depthwise halves of separable convolutions, TuNAS the classifier.
bool is_decayed(const ModelInfo& model, const Graph& graph, const Parameter& parameter) {
  const bool kernel = parameter.role == ParameterRole::kKernel || parameter.role == ParameterRole::kDenseKernel;
  if (is_layer_language(model)) return kernel;
  if (model.family == "amoebanet") return kernel || parameter.role == ParameterRole::kDepthwiseKernel;
  if (model.family == "tunas") return parameter.name.ends_with("/kernel") && parameter.shape.back() != graph.classes();
  return parameter.name.find("batch_normalization") == std::string::npos;
}

// AmoebaNet's auxiliary head needs a map of 5 x 5 (spec amoebanet 2.2).
int64_t smallest_side(const ModelInfo& model) { return model.family == "amoebanet" ? 67 : 1; }

class EveryModel : public testing::TestWithParam<ModelInfo> {};

TEST_P(EveryModel, BuildsAndCounts) {
  const ModelInfo& model = GetParam();
  const Graph graph = build_model(model.name);
  EXPECT_EQ(graph.name(), model.name);
  EXPECT_EQ(graph.classes(), counts_background(model) ? 1001 : 1000);
  EXPECT_EQ(graph.input_shape(), (Shape{model.resolution, model.resolution, 3}));
  int64_t trainable = 0;
  int64_t moving = 0;
  for (const Parameter& parameter : graph.parameters()) {
    (parameter.trainable() ? trainable : moving) += element_count(parameter.shape);
    EXPECT_EQ(parameter.l2 > 0.0, is_decayed(model, graph, parameter)) << parameter.name;
  }
  const Cost cost = count(graph);
  EXPECT_EQ(cost.parameters, trainable) << "a variable that no operator uses, or that two share";
  EXPECT_EQ(cost.moving, moving);
  EXPECT_GT(cost.multiply_adds, 0);
  EXPECT_EQ(model.published_top1 > 0.0, !model.source.empty());
}

TEST_P(EveryModel, TextAndJson) {
  const Graph graph = build_model(GetParam().name);
  EXPECT_EQ(from_json(to_json(graph)), graph);
  const std::string text = to_text(graph);
  EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')),
            1 + graph.nodes().size() + graph.outputs().size() + graph.endpoints().size());
}

// The smallest picture and another aspect: no size is left that a layer can't take.
TEST_P(EveryModel, AnySizeAndNumberOfClasses) {
  const int64_t least = smallest_side(GetParam());
  EXPECT_EQ(build_model(GetParam().name, {.classes = 7, .height = least, .width = least}).classes(), 7);
  if (least > 1) {
    EXPECT_THROW(build_model(GetParam().name, {.height = least - 1, .width = least - 1}), Error);
  }
  const Graph graph = build_model(GetParam().name, {.classes = 3, .height = 97, .width = 131});
  EXPECT_EQ(graph.input_shape(), (Shape{97, 131, 3}));
  EXPECT_EQ(graph.input_spec().height, 97);
  EXPECT_EQ(graph.input_spec().width, 131);
}

TEST_P(EveryModel, DropoutCanBeSwitchedOff) {
  const auto dropouts = [&](double rate) {
    int found = 0;
    const Graph graph = build_model(GetParam().name, {.dropout_rate = rate});
    for (const Node& node : graph.nodes()) {
      found += std::holds_alternative<Dropout>(node.op) ? 1 : 0;
    }
    return found;
  };
  EXPECT_EQ(dropouts(0.0), 0);
  EXPECT_EQ(dropouts(0.5), 1);
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryModel, testing::ValuesIn(all_models().begin(), all_models().end()),
                         [](const auto& info) {
                           std::string name(info.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Registry, FindsEveryCommonSpelling) {
  for (const char* name :
       {"efficientnet-b0", "efficientnet_b0", "EfficientNetB0", "EfficientNet-B0", "EFFICIENTNET_B0"}) {
    EXPECT_EQ(find_model(name).name, "efficientnet-b0");
  }
  EXPECT_EQ(find_model("efficientnet_edgetpu_s").name, "efficientnet-edgetpu-S");
  EXPECT_EQ(find_model("MnasNetA1").name, "mnasnet-a1");
  EXPECT_EQ(find_model("mnasnet_d1_320").name, "mnasnet-d1-320");
  std::set<const ModelInfo*> found;
  for (const ModelInfo& model : all_models()) found.insert(&find_model(model.name));
  EXPECT_EQ(found.size(), all_models().size());
}

TEST(Registry, UnknownNamesGiveTheNearest) {
  EXPECT_EQ(error_of([] { find_model("efficientnet-bo"); }).substr(0, 62),
            "unknown model \"efficientnet-bo\"; did you mean efficientnet-b0,");
  EXPECT_EQ(error_of([] { find_model("mnasnt-small"); }),
            "unknown model \"mnasnt-small\"; did you mean mnasnet-small?");
  EXPECT_EQ(error_of([] { find_model("resnet50"); }), "unknown model \"resnet50\"; `netwright models` lists them");
  EXPECT_THROW(find_model(""), Error);
}

TEST(Registry, RefusesImpossibleOptions) {
  const auto build = [](std::string_view name, const ModelOptions& options) {
    return error_of([&] { build_model(name, options); });
  };
  EXPECT_THAT(build("efficientnet-b0", {.classes = 0}), HasSubstr("efficientnet-b0: 0 classes, expected 1 to"));
  EXPECT_THAT(build("efficientnet-b0", {.height = -5}), HasSubstr("images of -5 x 224 pixels"));
  EXPECT_THAT(build("mnasnet-a1", {.width = 1 << 20}), HasSubstr("images of 224 x 1048576 pixels"));
  EXPECT_THAT(build("mnasnet-a1", {.dropout_rate = 1.0}), HasSubstr("dropout rate 1,"));
  EXPECT_THAT(build("efficientnet-b0", {.survival_probability = 1.1}), HasSubstr("survival probability 1.1"));
  EXPECT_THAT(build("efficientnet-b0", {.batch_norm_momentum = -0.1}), HasSubstr("has momentum -0.1"));
  EXPECT_THAT(build("efficientnet-b0", {.batch_norm_epsilon = 0.0}), HasSubstr("has epsilon 0"));
  EXPECT_THAT(build("efficientnet-b0", {.width_coefficient = 1e9}), HasSubstr("width multiplier 1000000000"));
  EXPECT_THAT(build("efficientnet-b0", {.depth_coefficient = 1e9}), HasSubstr("depth coefficient 1000000000"));
  EXPECT_THAT(build("mnasnet-a1", {.depth_multiplier = -1.0}), HasSubstr("width multiplier -1"));
  EXPECT_THAT(build("mnasnet-a1", {.depth_divisor = 7.5}), HasSubstr("depth_divisor 7.5, expected a whole number"));
  EXPECT_THAT(build("mnasnet-a1", {.min_depth = -8}), HasSubstr("min_depth -8"));
  EXPECT_EQ(build("mnasnet-a1", {.survival_probability = 0.8}),
            "mnasnet-a1: there is no survival_probability in the family mnasnet");
  EXPECT_EQ(build("efficientnet-b0", {.use_keras = false}),
            "efficientnet-b0: there is no use_keras in the family efficientnet");
}

}  // namespace
}  // namespace netwright
