// TuNAS's networks: sizes of every recorded architecture, the variables of the supernets, and what is refused.
#include "models/tower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "graph/count.h"
#include "models/mobile_spec.h"
#include "models/resolve.h"
#include "models/spec_json.h"
#include "models/tunas.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using nlohmann::json;
using test::error_of;
using testing::HasSubstr;

void expect_sizes(const Graph& graph, const json& wanted) {
  const Cost cost = count(graph);
  int64_t trainable = 0;
  int64_t regularised = 0;
  for (const Parameter& parameter : graph.parameters()) {
    trainable += parameter.trainable() ? 1 : 0;
    if (parameter.trainable() && parameter.l2 != 0.0) regularised += element_count(parameter.shape);
  }
  EXPECT_EQ(cost.parameters, wanted["parameters"].get<int64_t>());
  EXPECT_EQ(cost.moving, wanted["batch_norm_statistics"].get<int64_t>());
  EXPECT_EQ(cost.multiply_adds, wanted["multiply_adds_224"].get<int64_t>());
  EXPECT_EQ(static_cast<int64_t>(graph.parameters().size()), wanted["variables"].get<int64_t>());
  EXPECT_EQ(trainable, wanted["trainable"].get<int64_t>());
  EXPECT_EQ(regularised, wanted["regularised"].get<int64_t>());
}

TEST(Tower, EveryRecordedArchitectureHasItsSizes) {
  const json golden = golden::json_of("tunas/architectures.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden architectures";
  size_t compared = 0;
  for (const auto& [space, list] : golden["spaces"].items()) {
    for (const json& architecture : list["architectures"]) {
      SCOPED_TRACE(space + " " + architecture["name"].get<std::string>());
      expect_sizes(build_model(space + ":" + architecture["indices"].get<std::string>()), architecture);
      ++compared;
    }
  }
  EXPECT_GE(compared, golden::at_least(50));
  size_t references = 0;
  for (const auto& [name, sizes] : golden["references"].items()) {
    for (const auto& [multiplier, wanted] : sizes.items()) {
      if (!multiplier.starts_with("x")) continue;
      SCOPED_TRACE(name + " " + multiplier);
      const std::string model = name == "mnasnet_b1" ? "tunas-mnasnet_b1" : name;
      expect_sizes(build_model(model, {.filters_multiplier = std::stod(multiplier.substr(1))}), wanted);
      ++references;
    }
  }
  EXPECT_GE(references, golden::at_least(30));
}

// Published sizes (tensorflow/models, slim's README: 3.47 M without gammas and betas, 300 M; 5.4 M, 217 M. README of
// ProxylessNAS: 320 M).
TEST(Tower, PublishedSizes) {
  const Cost v2 = count(build_model("MobileNetV2", {.classes = 1000}));
  EXPECT_NEAR(static_cast<double>(v2.parameters - v2.moving), 3.47e6, 5e3);
  EXPECT_NEAR(static_cast<double>(v2.multiply_adds), 300e6, 1e6);
  const Cost v3 = count(build_model("MobileNetV3-Large"));
  EXPECT_NEAR(static_cast<double>(v3.parameters), 5.4e6, 1e5);
  EXPECT_NEAR(static_cast<double>(v3.multiply_adds), 217e6, 1e6);
  EXPECT_NEAR(static_cast<double>(count(build_model("proxylessnas_mobile")).multiply_adds), 320e6, 1e6);
}

std::vector<std::string> variable_lines(const Graph& graph) {
  std::vector<std::string> lines;
  for (const Parameter& parameter : graph.parameters()) {
    lines.push_back(fmt::format("{} {}", parameter.name, to_string(parameter.shape)));
  }
  return lines;
}

// Of the search graph's variables those of the model, in creation order.
std::vector<std::string> wanted_lines(const json& variables) {
  std::vector<std::string> lines;
  for (const json& variable : variables) {
    const auto name = variable["name"].get<std::string>();
    if (!name.starts_with("Sequential/") || name.find("/RMSProp") != std::string::npos) continue;
    lines.push_back(fmt::format("{} {}", name, to_string(variable["shape"].get<Shape>())));
  }
  return lines;
}

// All first, all last, all shares even: whatever is chosen, the variables are those of the whole supernet.
class EvenShares : public Choices {
 public:
  std::vector<float> shares(const Decision& decision) override {
    std::vector<float> shares(static_cast<size_t>(decision.choices), 1.0F / static_cast<float>(decision.choices));
    return shares;
  }
};

TEST(Tower, SupernetsHaveTheOriginalsVariables) {
  for (const SpaceDefinition& space : all_spaces()) {
    if (!space.searchable) continue;
    SCOPED_TRACE(space.name);
    const json golden = golden::json_of(fmt::format("tunas/supernet/{}-variables.json", space.name));
    if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden supernets";
    const Spec spec = space.build();
    std::vector<int64_t> first;
    std::vector<int64_t> last;
    for (const Decision& decision : decisions(spec)) {
      first.push_back(0);
      last.push_back(decision.choices - 1);
    }
    FixedChoices all_first(first);
    FixedChoices all_last(last);
    EvenShares even;
    TowerOptions options;
    options.name = space.name;
    for (Choices* choices : std::initializer_list<Choices*>{&all_first, &all_last, &even}) {
      const Graph graph = build_tower(spec, *choices, options);
      EXPECT_EQ(variable_lines(graph), wanted_lines(golden["variables"]));
      EXPECT_EQ(static_cast<int64_t>(graph.parameters().size()), golden["model_variables"].get<int64_t>());
      int64_t elements = 0;
      for (const Parameter& parameter : graph.parameters()) elements += element_count(parameter.shape);
      EXPECT_EQ(elements, golden["model_parameters"].get<int64_t>());
    }
  }
}

// A sampled network of a search costs what the stand-alone network of the same indices costs.
TEST(Tower, SampledNetworkUsesLeadingChannelsOnly) {
  const json golden = golden::json_of("tunas/architectures.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden architectures";
  size_t compared = 0;
  for (const auto& [space, list] : golden["spaces"].items()) {
    for (const json& architecture : list["architectures"]) {
      SCOPED_TRACE(space + " " + architecture["name"].get<std::string>());
      FixedChoices choices(parse_indices(architecture["indices"].get<std::string>()));
      TowerOptions options;
      options.name = space;
      const Cost cost = count(build_tower(space_of(space).build(), choices, options));
      EXPECT_EQ(cost.multiply_adds, architecture["multiply_adds_224"].get<int64_t>());
      EXPECT_EQ(cost.parameters, architecture["parameters"].get<int64_t>());
      ++compared;
    }
  }
  EXPECT_GE(compared, golden::at_least(50));
}

TEST(Tower, BadIndicesHaveTheOriginalsMessages) {
  const json golden = golden::json_of("tunas/architectures.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden architectures";
  std::vector<int64_t> indices(73, 0);
  const auto error = [](const std::vector<int64_t>& given) {
    return error_of([&] { resolve_model("proxylessnas_search:" + print_indices(given)); });
  };
  const auto with = [&](int64_t index) {
    std::vector<int64_t> changed = indices;
    changed[1] = index;
    return changed;
  };
  const std::map<std::string, std::vector<int64_t>> cases = {
      {"estimate_cost 72 indices", std::vector<int64_t>(72, 0)},
      {"estimate_cost index 9 at position 1", with(9)},
      {"estimate_cost index -1 at position 1", with(-1)},
  };
  size_t compared = 0;
  for (const json& row : golden["errors"]) {
    const auto found = cases.find(row[0].get<std::string>());
    if (found == cases.end()) continue;
    const auto text = row[1].get<std::string>();
    EXPECT_THAT(error(found->second), HasSubstr(text.substr(text.find(": ") + 2)));
    ++compared;
  }
  EXPECT_EQ(compared, 3);
  EXPECT_THAT(error_of([] { space_of("mobilenet_v4"); }), HasSubstr("Unsupported SSD"));
}

void expect_same_network(const Graph& a, const Graph& b) {
  EXPECT_EQ(a.nodes(), b.nodes());
  EXPECT_EQ(a.parameters(), b.parameters());
}

TEST(Resolve, SpacesAndIndices) {
  const std::string zeros_of_73 = print_indices(std::vector<int64_t>(73, 0));
  EXPECT_EQ(resolve_model(zeros_of_73).name, "proxylessnas_search:" + zeros_of_73);
  std::vector<int64_t> wide(73, 0);
  wide[0] = 3;
  EXPECT_EQ(resolve_model(print_indices(wide)).name, "proxylessnas_enlarged_search:" + print_indices(wide));
  const std::string zeros_of_86 = print_indices(std::vector<int64_t>(86, 0));
  std::string commas = zeros_of_86;
  std::replace(commas.begin(), commas.end(), ':', ',');
  EXPECT_EQ(resolve_model(commas).name, "mobilenet_v3_like_search:" + zeros_of_86);
  EXPECT_EQ(resolve_model("mobilenet-v3-like-search:" + commas).family, "tunas");
  EXPECT_EQ(build_model("proxylessnas_search:" + zeros_of_73, {.classes = 7, .height = 33, .width = 65}).classes(), 7);
  // The known networks are spaces of one member.
  expect_same_network(build_model("mobilenet_v3_large:" + print_indices(std::vector<int64_t>(22, 0))),
                      build_model("mobilenet_v3_large"));
}

TEST(Resolve, RefusesWhatFitsNothing) {
  const auto error = [](std::string_view text) { return error_of([&] { resolve_model(text); }); };
  EXPECT_THAT(error("0:1:2"), HasSubstr("3 indices fit no search space: proxylessnas_search has 73"));
  EXPECT_THAT(error("proxylessnas_search"), HasSubstr("is a search space with 73 decisions; name a member"));
  EXPECT_THAT(error("proxylessnas_search:0:a"), HasSubstr("proxylessnas_search: index 1 is \"a\""));
  std::vector<int64_t> indices(73, 0);
  indices[1] = 3;
  EXPECT_THAT(error(print_indices(indices)),
              HasSubstr("Invalid index: 3 for path: blocks/1/layers/0 with 3 choices; it is index 1, expected 0 to 2"));
  EXPECT_THAT(error("mobilenet_v3_like_search:" + print_indices(std::vector<int64_t>(73, 0))),
              HasSubstr("mobilenet_v3_like_search: Wrong number of indices. Expected: 86 but got: 73"));
  EXPECT_THAT(error("no/such/file.json"), HasSubstr("no/such/file.json: no such file"));
  EXPECT_THAT(error_of([] { build_model("mobilenet_v2", {.depth_multiplier = 0.5}); }),
              HasSubstr("mobilenet_v2: there is no depth_multiplier in the family tunas"));
  EXPECT_THAT(error_of([] { build_model("mnasnet-a1", {.filters_multiplier = 0.5}); }),
              HasSubstr("there is no filters_multiplier in the family mnasnet"));
}

class ModelSpecFile : public testing::Test {
 protected:
  std::string write(const std::string& text) { return folder_.write("model_spec.json", text); }
  test::TemporaryFolder folder_;
};

TEST_F(ModelSpecFile, IsAModel) {
  const std::string path = write(spec_to_json(space_of("mobilenet_v3_large").build()));
  EXPECT_EQ(resolve_model(path).name, path);
  expect_same_network(build_model(path, {.dropout_rate = 0.25}), build_model("mobilenet_v3_large"));
  const std::string space = write(spec_to_json(space_of("proxylessnas_search").build()));
  const std::string zeros = print_indices(std::vector<int64_t>(73, 0));
  expect_same_network(build_model(space + ":" + zeros, {.dropout_rate = 0.0}),
                      build_model("proxylessnas_search:" + zeros, {.dropout_rate = 0.0}));
  EXPECT_THAT(
      error_of([&] { build_model(space); }),
      HasSubstr("decision blocks/1/layers/0 is open with 3 choices; give an index for each decision, 73 in all"));
  EXPECT_THAT(error_of([&] { build_model(space + ":0:1"); }), HasSubstr("Expected: 73 but got: 2"));
}

// Each change makes a specification that can't be built; the message names the node by its path.
TEST_F(ModelSpecFile, WhatCantBeBuiltIsNamed) {
  struct Case {
    std::string pointer;
    json value;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"/2/1", 0, "filters_base is 0, expected 1 to"},
      {"/1/1/1/1/1/1/1/1", 0, "blocks/0/layers/0: kernel_size is 0"},
      {"/1/1/1/1/1/1/1/1", "three", "kernel_size: expected a whole number, it is 'three'"},
      {"/1/1/1/1/1/1/2/1", json::array({"list", 1, 2, 3}), "strides are [1, 2, 3], expected a number or two"},
      {"/1/1/1/1/1/1/3/1", 1, "use_batch_norm: expected a bool, it is 1"},
      {"/1/1/1/1/1/2/1/1", "gelu", "blocks/0/layers/1: unknown activation 'gelu'"},
      {"/1/1/1/1/1/2/1/1", "a\nb", "unknown activation 'a?b'"},
      {"/1/1/1/1/1/2", 5, "blocks/0/layers/1: expected a layer, found 5"},
      {"/1/1/1/1/1/2", json::array({"namedtuple:basic_specs.ZeroSpec"}), "zeros must stand inside a residual"},
      {"/1/1/1/1/1/1", json::array({"namedtuple:mobile_search_space_v3.DetectionEndpointSpec"}),
       "an endpoint needs a layer before it"},
      {"/1/1/1", 7, "blocks/0: expected basic_specs.Block, found 7"},
  };
  const json document = json::parse(spec_to_json(space_of("mobilenet_v2").build()));
  for (const Case& one : cases) {
    json damaged = document;
    damaged.at(json::json_pointer(one.pointer)) = one.value;
    const std::string path = write(damaged.dump(2));
    EXPECT_THAT(error_of([&] { build_model(path); }), HasSubstr(one.message)) << one.pointer;
  }
  EXPECT_THAT(error_of([&] { build_model(write("hello")); }), HasSubstr("no description of a network"));
  EXPECT_THAT(error_of([&] { build_model(write(R"(["list"])")); }), HasSubstr("ConvTowerSpec, found []"));
}

}  // namespace
}  // namespace netwright
