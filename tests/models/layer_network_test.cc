#include "models/layer_network.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/count.h"
#include "graph/json.h"
#include "models/shrinkcnn.h"
#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;
using testing::HasSubstr;

constexpr std::string_view kHead =
    "[Input]\nname=input\n\n[Input]\nname=label\n\n[Convolutional]\nname=stem\ninput=input\nfilters=4\nuse_bias="
    "False\n\n";
constexpr std::string_view kTail =
    "[GlobalAvgPool]\nname=pool\ninput=last\n\n[Flatten]\nname=flat\ninput=pool\n\n[Dense]\nname=logits\ninput=flat\n\n"
    "[SoftmaxLoss]\nname=loss\ninput=logits\nlabels=label\n";

// Line 13 is the first of `middle`.
std::string with_middle(std::string_view middle) { return fmt::format("{}{}\n{}", kHead, middle, kTail); }

Graph build(const std::string& text, bool strict = true) {
  LayerNetworkParams params;
  params.name = "net";
  params.strictness = {"net.prototxt", strict};
  params.height = params.width = 16;
  return build_layer_network(parse_prototxt(text, params.strictness.file), params);
}

std::string error_in(const std::string& text, bool strict = true) {
  return error_of([&] { build(text, strict); });
}

TEST(LayerNetwork, ReadsAndBuilds) {
  const Graph graph = build(with_middle("[Add]\nname=last\ninput=['stem', 'stem']\nactivation=relu\n"));
  EXPECT_EQ(graph.classes(), 10);
  EXPECT_EQ(graph.parameters().front().name, "stem/conv/kernel");
  EXPECT_DOUBLE_EQ(graph.parameters().front().l2, 2.5);  // the default strength of 1e-4, in units of 4e-5
}

TEST(LayerNetwork, WrongReferencesAreNamedWithTheirLines) {
  const auto middle = [](std::string_view text) { return error_in(with_middle(text)); };
  EXPECT_EQ(middle("[Identity]\nname=last\ninput=stam\n"),
            "net.prototxt:15: [Identity] reads stam, but no layer before it has that name; did you mean stem?");
  EXPECT_EQ(middle("[Identity]\nname=last\ninput=last\n"), "net.prototxt:15: [Identity] reads itself: last");
  EXPECT_EQ(middle("[Add]\nname=a\ninput=stem,last\n\n[Identity]\nname=last\ninput=a\n"),
            "net.prototxt:15: [Add] reads last, which stands later, in line 17: a cycle, or blocks in the wrong order");
  EXPECT_EQ(middle("[Identity]\nname=stem\ninput=stem\n"),
            "net.prototxt:14: [Identity] is named stem, as the block in line 7 is");
  EXPECT_EQ(middle("[Identity]\nname=last\ninput=label\n"),
            "net.prototxt:15: [Identity] reads label, which holds the labels");
  EXPECT_EQ(middle("[Identity]\nname=last\n"), "net.prototxt:13: [Identity] has no input");
  EXPECT_EQ(middle("[Identity]\ninput=stem\n"), "net.prototxt:13: [Identity] has no name");
  EXPECT_EQ(middle("[Identity]\nname=last\ninput=stem,stem\n"),
            "net.prototxt:15: [Identity] reads 2 layers, expected one");
  EXPECT_EQ(middle("[Identity]\nname=last\ninput=loss\n"),
            "net.prototxt:15: [Identity] reads loss, but no layer before it has that name; did you mean last?");
  EXPECT_EQ(middle("[Output]\nname=a\ninput=stem\n\n[Output]\nname=a\ninput=stem\n"),
            "net.prototxt:18: [Output] is named a, as the output in line 13 is");
  EXPECT_EQ(middle("[Accuracy]\nname=a\nlogits=stem\nlabels=input\n"),
            "net.prototxt:16: [Accuracy] has the labels input, but the second [Input] is label");
  EXPECT_EQ(middle("[Input]\nname=more\n"), "net.prototxt:14: [Input] is a third one; there are images and labels");
}

TEST(LayerNetwork, WrongValuesAreNamedWithTheirLines) {
  const auto conv = [](std::string_view field) {
    return error_in(with_middle(fmt::format("[Convolutional]\nname=last\ninput=stem\n{}\n", field)));
  };
  EXPECT_EQ(conv("filters=3.0"),
            "net.prototxt:16: [Convolutional] filters=3.0, expected a whole number from -1 to 16777216");
  EXPECT_EQ(conv("kernel_size=None"),
            "net.prototxt:16: [Convolutional] kernel_size=None, expected a whole number from 1 to 16777216");
  EXPECT_EQ(conv("regularizer_strength=-1"),
            "net.prototxt:16: [Convolutional] regularizer_strength=-1, expected a number of at least 0");
  EXPECT_EQ(conv("padding=odd"), "net.prototxt:16: [Convolutional] padding=odd, expected SAME or VALID");
  EXPECT_THAT(conv("activation=gelu"), HasSubstr("net.prototxt:16: [Convolutional] activation=gelu, expected relu,"));
  EXPECT_THAT(conv("hyper=True"), HasSubstr("hyper=True, which the original never had"));
  EXPECT_THAT(conv("padding=VALID\nkernel_size=40"),
              HasSubstr("net.prototxt:13: last: Conv2D has a window of 40 x 40"));
  EXPECT_THAT(error_in(with_middle("[SeparableConv]\nname=last\ninput=stem\nfilters=8\n")),
              HasSubstr("has one bias for its 4 input and 8 output channels"));
  EXPECT_EQ(error_in(std::string(kHead)),
            "net.prototxt: it has no [SoftmaxLoss] and no [Output], so nothing says what it gives");
}

// What the original passes over: a warning, or an error when strict.
TEST(LayerNetwork, StrictRefusesWhatIsPassedOver) {
  const std::string identity = "[Identity]\nname=last\ninput=stem\n";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"[Atention]\nname=a\n\n" + identity, "net.prototxt:13: unknown kind [Atention]; the block is passed over"},
      {identity + "colour=red\n", "net.prototxt:16: unknown field colour of [Identity]; it is passed over"},
      {"[Convolutional]\nname=last\ninput=stem\nbatchnorm=true\n",
       "net.prototxt:16: batchnorm=true counts as False; write True or False"},
      {"[Add]\nname=last\ninput=stem,stem,stem\n",
       "net.prototxt:13: [Add] reads 3 layers; those after the second are passed over"},
      {"[DepthwiseConv]\nname=last\ninput=stem\ndropout=0.5\n",
       "net.prototxt:16: dropout=0.5 has no effect on [DepthwiseConv]; it is passed over"},
      {"[Convolutional]\nname=last\ninput=stem\ntrainable=False\n",
       "net.prototxt:16: trainable=False has no effect on [Convolutional]; it is passed over"},
      {"[BatchNorm]\nname=last\ninput=stem\nactivation=relu\n",
       "net.prototxt:16: activation=relu has no effect on [BatchNorm]; it is passed over"},
      {"[Concat]\nname=last\ninput=stem,stem\naxis=1\n",
       "net.prototxt:16: axis=1 has no effect on [Concat]; it is passed over"}};
  for (const auto& [middle, message] : rows) {
    EXPECT_THAT(error_in(with_middle(middle)), HasSubstr(message));
    EXPECT_EQ(build(with_middle(middle), false).classes(), 10);
  }
}

// Frozen weights are counted with the moving statistics and survive JSON; the rest has its L2 term before the last
// loss.
TEST(LayerNetwork, FrozenAndUnregularisedWeights) {
  const std::string frozen = "[BatchNorm]\nname=last\ninput=stem\ntrainable=False\n";
  const std::string late =
      with_middle(frozen) +
      "\n[Dense]\nname=late\ninput=flat\nunits=3\ntrainable=True\n\n[Output]\nname=o\ninput=late\n";
  const Graph graph = build(late);
  for (const Parameter& parameter : graph.parameters()) {
    const bool in_norm = parameter.name.starts_with("last/");
    EXPECT_EQ(parameter.trainable(), !in_norm) << parameter.name;
    EXPECT_EQ(parameter.l2 > 0.0, parameter.name == "stem/conv/kernel" || parameter.name == "logits/dense/kernel");
  }
  EXPECT_EQ(count(graph).moving, 4 * 4);
  EXPECT_EQ(from_json(to_json(graph)), graph);
}

TEST(LayerNetwork, Outputs) {
  const std::string outputs =
      "\n[Output]\nname=features\ninput=flat\n\n[OutputWithSoftmax]\nname=shares\ninput=logits\n";
  const std::string whole = with_middle("[Identity]\nname=last\ninput=stem\n");
  const std::string without_loss = whole.substr(0, whole.find("[SoftmaxLoss]"));
  const auto count_outputs = [](const std::string& text) {
    const Graph graph = build(text);
    return graph.outputs().size();
  };
  EXPECT_EQ(count_outputs(whole + outputs), 3U);
  EXPECT_EQ(build(without_loss + outputs.substr(outputs.find("[OutputWith"))).classes(), 10);
  EXPECT_EQ(count_outputs(whole + "\n[Output]\nname=logits\ninput=logits\n"), 1U);
  EXPECT_EQ(error_in(whole + "\n[Output]\nname=logits\ninput=flat\n"),
            "net.prototxt:34: the output logits is what the loss reads; name this one otherwise");
  EXPECT_EQ(error_in(without_loss + "[Output]\nname=o\ninput=stem\n"),
            "net.prototxt: what its loss or output reads is [16, 16, 4], expected one number a class");
}

// Spec autoshrink 2.5: the recipe reproduces the released files byte for byte.
TEST(ShrinkCnn, BlocksAreTheReleasedFiles) {
  struct Row {
    std::string_view activation;
    size_t bytes;
    std::string_view hash;
  };
  for (const Row& row : {Row{"relu", 24'489, "7ee6bb4fc485d3cf72b862b3ad6c6d1f5ff209aa01d47ac614606c9b993bacf4"},
                         Row{"swish", 24'529, "41dedfea4c9d0e5da7eba399579a50bdb4bca80f8a9d1230e50f0224878ed582"}}) {
    const std::string text = to_prototxt(shrinkcnn_blocks(row.activation));
    EXPECT_EQ(text.size(), row.bytes);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1428);
    EXPECT_EQ(to_prototxt(parse_prototxt(text, "net")), text);
    const test::TemporaryFolder folder;
    const std::string path = folder.path() + "/net.prototxt";
    std::ofstream(path) << text;
    FILE* pipe = popen(fmt::format("sha256sum {}", path).c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string hash(64, ' ');
    EXPECT_EQ(fread(hash.data(), 1, hash.size(), pipe), hash.size());
    pclose(pipe);
    EXPECT_EQ(hash, row.hash);
  }
}

// Spec autoshrink 3: weights without gamma and beta, with them, moving statistics, multiply-adds.
TEST(ShrinkCnn, Counts) {
  for (const char* name : {"shrinkcnn-a", "ShrinkCNN-B"}) {
    const Graph graph = build_model(name);
    int64_t plain = 0;
    for (const Parameter& parameter : graph.parameters()) {
      const bool of_norm = parameter.role == ParameterRole::kGamma || parameter.role == ParameterRole::kBeta;
      if (parameter.trainable() && !of_norm) plain += element_count(parameter.shape);
    }
    EXPECT_EQ(plain, 3'600'981);
    const Cost cost = count(graph);
    EXPECT_EQ(cost.parameters, 3'636'301);
    EXPECT_EQ(cost.moving, 35'320);
    EXPECT_EQ(cost.multiply_adds, 383'677'672);
  }
}

TEST(ModelFile, AFileIsAModel) {
  const test::TemporaryFolder folder;
  const std::string layers = folder.path() + "/a.prototxt";
  const std::string graph = folder.path() + "/a.json";
  std::ofstream(layers) << to_prototxt(shrinkcnn_blocks("relu"));
  std::ofstream(graph) << to_json(build_model("shrinkcnn-a"));
  const Graph read = build_model(layers);
  const Graph named = build_model("shrinkcnn-a");
  EXPECT_EQ(read.nodes(), named.nodes());
  EXPECT_EQ(read.name(), "swiftnet-0809-imagenet224-relu-1.40");
  EXPECT_EQ(build_model(layers, {.classes = 7, .height = 64, .width = 64}).classes(), 7);
  EXPECT_EQ(build_model(graph), build_model("shrinkcnn-a"));
  EXPECT_THAT(error_of([&] { build_model(graph, {.classes = 7}); }),
              HasSubstr("a.json: a graph is taken as it is; there is no classes to choose"));
  EXPECT_THAT(error_of([&] { build_model(graph, {.height = 64, .width = 64}); }),
              HasSubstr("a.json: the graph is for images of 224 x 224, not 64 x 64"));
  EXPECT_EQ(error_of([] { build_model("missing.prototxt"); }),
            "missing.prototxt: no such file, and no model of that name");
  std::ofstream(layers) << "[Input\n";
  EXPECT_THAT(error_of([&] { build_model(layers); }), HasSubstr("a.prototxt:1: \"[Input\", expected a header"));
  std::ofstream(graph) << "{\"format\": 1}";
  EXPECT_THAT(error_of([&] { build_model(graph); }), HasSubstr("a.json: graph JSON: "));
}

}  // namespace
}  // namespace netwright
