// The variables of every network against those that the original programs make, and their counts.
#include <map>
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "graph/count.h"
#include "models/registry.h"
#include "support/golden.h"

namespace netwright {
namespace {

using nlohmann::json;

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

void check_experts(const Graph& graph, const json& variables) {
  const std::map<std::string, Shape> experts = expert_kernels(graph);
  size_t listed = 0;
  for (const json& variable : variables) {
    if (!variable.contains("expert_kernel_shape")) continue;
    ++listed;
    const auto expert = experts.find(variable["name"].get<std::string>());
    ASSERT_NE(expert, experts.end()) << variable["name"];
    EXPECT_EQ(expert->second, variable["expert_kernel_shape"].get<Shape>()) << variable["name"];
  }
  EXPECT_EQ(experts.size(), listed);
}

void compare(const std::string& path) {
  const json list = json::parse(read_file(path));
  std::vector<std::string> not_understood;
  const Graph graph = build_model(list["model"].get<std::string>(), golden::model_options(list, not_understood));
  EXPECT_THAT(not_understood, testing::IsEmpty());
  EXPECT_THAT(golden::compare_variables(list["variables"], graph), testing::IsEmpty());
  EXPECT_THAT(golden::compare_counts(list, graph), testing::IsEmpty());
  check_experts(graph, list["variables"]);
}

struct Family {
  const char* name;
  size_t lists;  // at least
};

void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

class GoldenLists : public testing::TestWithParam<Family> {};

TEST_P(GoldenLists, VariablesAndCountsAreTheOriginals) {
  NETWRIGHT_NEEDS_GOLDEN(GetParam().name);
  const std::vector<std::string> paths = golden::variable_lists(golden);
  ASSERT_GE(paths.size(), golden::at_least(GetParam().lists));
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    compare(path);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenLists,
                         testing::Values(Family{"efficientnet", 52}, Family{"mnasnet", 17}, Family{"amoebanet", 9}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace netwright
