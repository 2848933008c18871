#include "models/amoebanet.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "graph/builder.h"
#include "graph/count.h"
#include "graph/subgraph.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;
using testing::HasSubstr;

AmoebaNetParams small_params(char letter) {
  AmoebaNetParams params;
  params.name = "small";
  params.genotype = amoebanet_genotype(letter);
  params.num_cells = 3;
  params.reduction_size = 16;
  params.stem_reduction_size = 8;
  params.classes = 11;
  params.input.height = params.input.width = 96;
  return params;
}

// Spec amoebanet 3: 11 classes, stem 8, N = 3, F0 = 16, 96 px, and the larger ones that no golden list has.
TEST(AmoebaNet, CountsOfTheSmallNetworks) {
  struct Row {
    char letter;
    int64_t without_aux, with_aux, moving, multiply_adds;
    size_t variables;
  };
  for (const Row& row :
       {Row{'a', 195'239, 221'528, 5'518, 6'023'252, 514}, Row{'b', 124'740, 151'029, 4'672, 3'686'784, 391},
        Row{'c', 248'695, 276'616, 6'668, 7'347'000, 590}, Row{'d', 98'656, 124'945, 3'986, 3'064'704, 418}}) {
    SCOPED_TRACE(row.letter);
    const Graph graph = build_amoebanet(small_params(row.letter));
    const Cost without = count(inference_graph(graph));
    EXPECT_EQ(without.parameters, row.without_aux);
    EXPECT_EQ(without.multiply_adds, row.multiply_adds);
    EXPECT_EQ(count(graph).parameters, row.with_aux);
    EXPECT_EQ(count(graph).moving, row.moving);
    EXPECT_EQ(graph.parameters().size(), row.variables);
    AmoebaNetParams headless = small_params(row.letter);
    headless.use_aux_head = false;
    const Graph built = build_amoebanet(headless);
    const Graph cut = inference_graph(graph);
    EXPECT_EQ(built.parameters(), cut.parameters());
  }
}

// GPipe (arXiv:1811.06965) publishes 557 M for B (18, 512); (36, 544) of D has 1.05 B.
TEST(AmoebaNet, PublishedSizes) {
  const auto millions = [](std::string_view name, int64_t cells, int64_t size, int64_t pixels) {
    const Graph graph = build_model(
        name, {.height = pixels, .width = pixels, .num_cells = cells, .reduction_size = size, .use_aux_head = false});
    return static_cast<double>(count(graph).parameters) / 1e6;
  };
  EXPECT_NEAR(millions("amoeba_net_b", 18, 512, 480), 557.29, 0.01);
  const Graph large =
      build_model("amoeba_net_d", {.height = 224, .width = 224, .num_cells = 36, .reduction_size = 544});
  EXPECT_NEAR(static_cast<double>(count(large).parameters) / 1e6, 1054.08, 0.01);
  EXPECT_NEAR(millions("amoeba_net_a", 18, 448, 331), 468.16, 0.01);
  EXPECT_EQ(count(inference_graph(build_model("amoeba_net_d"))).parameters, 84'007'145);
  EXPECT_EQ(count(inference_graph(build_model("AmoebaNet-D-fast"))).multiply_adds, 5'715'773'792);
  EXPECT_EQ(count(inference_graph(build_model("evol_net_x", {.height = 331, .width = 331, .num_cells = 18}))),
            count(inference_graph(build_model("amoeba_net_d-n18"))));
}

TEST(AmoebaNet, AnyNumberOfCells) {
  for (int64_t cells = 1; cells <= 7; ++cells) {
    const Graph graph = build_model("amoeba_net_d", {.num_cells = cells, .reduction_size = 8});
    std::set<std::string> names;
    for (const NamedNode& endpoint : graph.endpoints()) names.insert(endpoint.name);
    EXPECT_EQ(names.size(), static_cast<size_t>(cells) + 3 + (cells > 1 ? 2 : 1)) << cells;
    EXPECT_EQ(graph.outputs().size(), cells > 1 ? 2U : 1U) << cells;  // no cell before the reduction: no head
  }
}

TEST(AmoebaNet, RefusesWhatCannotBe) {
  const auto build = [](std::string_view name, const ModelOptions& options) {
    return error_of([&] { build_model(name, options); });
  };
  EXPECT_EQ(build("amoeba_net_d", {.reduction_size = 190}),
            "amoeba_net_d: cell_stem_1 can't halve 95 filters in a factorised reduction, expected an even number "
            "(reduction_size is 190)");
  EXPECT_THAT(build("amoeba_net_c", {.reduction_size = 20}),
              HasSubstr("cell_stem_0/cell_output/reduction_0 can't halve 5"));
  EXPECT_THAT(build("amoeba_net_d", {.reduction_size = 2}), HasSubstr("cell_stem_0 has no filters"));
  EXPECT_THAT(build("amoeba_net_d", {.height = 66, .width = 66}), HasSubstr("the auxiliary head needs a map of 5 x 5"));
  EXPECT_THAT(build("amoeba_net_d", {.num_cells = 0}), HasSubstr("num_cells 0, expected 1 to 1000"));
  EXPECT_THAT(build("amoeba_net_d", {.depth_multiplier = 1.0}), HasSubstr("no depth_multiplier in the family"));
  EXPECT_THAT(build("mnasnet-a1", {.num_cells = 6}), HasSubstr("no num_cells in the family mnasnet"));
  AmoebaNetParams params = small_params('d');
  params.genotype.normal.combinations[2].left_state = 4;
  EXPECT_THAT(error_of([&] { build_amoebanet(params); }), HasSubstr("combination 2 reads state 4, expected 0 to 3"));
  params = small_params('d');
  params.genotype.normal.combinations[0].left = "4x4_conv";
  EXPECT_THAT(error_of([&] { build_amoebanet(params); }),
              HasSubstr("cell_0/comb_iter_0/left: operation \"4x4_conv\" is unknown"));
  params.genotype.normal.combinations[0].left = "avg_pool_3x5";
  EXPECT_THAT(error_of([&] { build_amoebanet(params); }), HasSubstr("\"avg_pool_3x5\" has no size such as 3x3"));
  EXPECT_THROW(amoebanet_genotype('e'), Error);
}

// Operations that no shipped cell has (spec amoebanet 2.5).
TEST(AmoebaNet, OtherOperations) {
  AmoebaNetParams params = small_params('d');
  params.genotype.normal.combinations[0] = {"1x3_3x1", 0, "min_pool_3x3", 1};
  params.genotype.normal.combinations[1] = {"dilated_3x3_rate_2", 0, "separable_5x5", 1};
  const Graph graph = build_amoebanet(params);
  const auto shape_of = [&](const std::string& name) {
    for (const Parameter& parameter : graph.parameters()) {
      if (parameter.name == name) return parameter.shape;
    }
    return Shape{};
  };
  EXPECT_EQ(shape_of("cell_0/comb_iter_0/left/3x1/weights"), (Shape{3, 1, 6, 6}));
  EXPECT_EQ(shape_of("cell_0/comb_iter_1/left/dilated_3x3/weights"), (Shape{3, 3, 4, 4}));
  EXPECT_EQ(shape_of("cell_0/comb_iter_1/right/separable_5x5_1/depthwise_weights"), (Shape{5, 5, 16, 1}));
  params.genotype.reduction.combinations[0].left = "dilated_3x3_rate_2";
  EXPECT_THAT(error_of([&] { build_amoebanet(params); }), HasSubstr("can't have stride 2"));
}

// The keep probabilities that the original's rules give, by cell and step, and the operations that drop.
TEST(AmoebaNet, DropPathIsTheOriginals) {
  const nlohmann::json golden = golden::json_of("amoebanet/drop_path.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
  ASSERT_GE(golden["cases"].size(), golden::at_least(3));
  const std::pair<const char*, DropPathRule> rules[] = {
      {"v1", DropPathRule::kStep}, {"v2", DropPathRule::kCell}, {"v3", DropPathRule::kCellAndStep}};
  for (const nlohmann::json& item : golden["cases"]) {
    const auto flags = golden::flags_of(item);
    AmoebaNetParams params = small_params(flags.at("cell_name").back());
    params.num_cells = std::stoll(flags.at("num_cells"));
    params.reduction_size = std::stoll(flags.at("reduction_size"));
    params.survival_probability = std::stod(flags.at("drop_connect_keep_prob"));
    ASSERT_GE(item["keep_probability"].size(), golden::at_least(3));
    for (const auto& [version, rule] : rules) {
      params.drop_path = rule;
      const Graph graph = build_amoebanet(params);
      std::vector<std::string> dropped;
      for (const Node& node : graph.nodes()) {
        const auto* op = std::get_if<DropPath>(&node.op);
        if (op == nullptr) continue;
        dropped.push_back(node.scope);
        const std::string cell =
            std::to_string(item["cell_numbers"][node.scope.substr(0, node.scope.find('/'))].get<int64_t>());
        for (const nlohmann::json& row : item["keep_probability"]) {
          const double ramp = row["step"].get<double>() / item["burn_in_steps"].get<double>();
          const double found = op->ramps ? 1.0 - std::min(1.0, ramp) * (1.0 - op->survival) : op->survival;
          const nlohmann::json& wanted = row[version];
          EXPECT_NEAR(found, (wanted.is_object() ? wanted[cell] : wanted).get<double>(), 1e-7) << node.scope;
        }
      }
      EXPECT_EQ(dropped, item["dropped_operations"].get<std::vector<std::string>>());
    }
  }
}

}  // namespace
}  // namespace netwright
