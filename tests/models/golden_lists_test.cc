// The variables of every network against those that the original programs make, and their counts.
#include <filesystem>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "graph/count.h"
#include "models/registry.h"
#include "support/golden.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

ModelOptions options_of(const json& list) {
  ModelOptions options;
  options.classes = list["num_classes"].get<int64_t>();
  options.height = list["input_shape"][1].get<int64_t>();
  options.width = list["input_shape"][2].get<int64_t>();
  const json& overrides = list["overrides"];
  for (const auto& [key, value] : overrides.items()) {
    if (key == "use_keras") {
      options.use_keras = value.get<bool>();
    } else if (key == "depth_multiplier") {
      options.depth_multiplier = value.get<double>();
    } else {
      ADD_FAILURE() << "unknown override " << key;
    }
  }
  return options;
}

// The kernel shapes of the experts, by the parameter's name.
std::map<std::string, Shape> expert_kernels(const Graph& graph) {
  std::map<std::string, Shape> kernels;
  for (const Node& node : graph.nodes()) {
    if (const auto* mix = std::get_if<MixExperts>(&node.op)) {
      kernels[graph.parameter(mix->experts.id).name] = mix->kernel_shape;
    }
  }
  return kernels;
}

void compare_variables(const Graph& graph, const json& variables) {
  const std::map<std::string, Shape> experts = expert_kernels(graph);
  ASSERT_EQ(graph.parameters().size(), variables.size());
  for (size_t i = 0; i < variables.size(); ++i) {
    const Parameter& parameter = graph.parameters()[i];
    const json& variable = variables[i];
    SCOPED_TRACE(parameter.name);
    ASSERT_EQ(parameter.name, variable["name"].get<std::string>());
    ASSERT_EQ(parameter.shape, variable["shape"].get<Shape>());
    ASSERT_EQ(parameter.trainable(), variable["trainable"].get<bool>());
    const auto expert = experts.find(parameter.name);
    ASSERT_EQ(expert != experts.end(), variable.contains("expert_kernel_shape"));
    if (expert != experts.end()) {
      ASSERT_EQ(expert->second, variable["expert_kernel_shape"].get<Shape>());
    }
  }
}

void compare(const fs::path& path) {
  const json list = json::parse(read_file(path));
  const Graph graph = build_model(list["model"].get<std::string>(), options_of(list));
  compare_variables(graph, list["variables"]);
  const Cost cost = count(graph);
  EXPECT_EQ(cost.parameters, list["trainable_parameters"].get<int64_t>());
  EXPECT_EQ(cost.moving, list["moving_statistics"].get<int64_t>());
  EXPECT_EQ(cost.multiply_adds, list["macs"]["total"].get<int64_t>());
}

class GoldenLists : public testing::TestWithParam<std::string> {};

TEST_P(GoldenLists, VariablesAndCountsAreTheOriginals) {
  const fs::path folder = fs::path(golden::folder().value_or("golden")) / GetParam() / "variables";
  if (!fs::exists(folder)) GTEST_SKIP() << "SKIPPED: no golden files in " << folder.string();
  std::set<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.insert(entry.path());
  int compared = 0;
  for (const fs::path& path : paths) {
    const std::string name = path.stem().string();
    SCOPED_TRACE(name);
    compare(path);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenLists, testing::Values("efficientnet", "mnasnet"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace netwright
