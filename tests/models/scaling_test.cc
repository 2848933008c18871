#include "models/scaling.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "models/registry.h"
#include "support/golden.h"

namespace netwright {
namespace {

using nlohmann::json;

class Schedules : public testing::Test {
 protected:
  void SetUp() override {
    golden_ = golden::json_of("efficientnet/schedules.json");
    if (golden_.is_null()) GTEST_SKIP() << "SKIPPED: no golden folder";
  }

  json golden_;
};

TEST_F(Schedules, RoundFilters) {
  const json& golden = golden_["round_filters"];
  const auto filters = golden["filters"].get<std::vector<int64_t>>();
  ASSERT_GE(filters.size(), golden::at_least(15));
  ASSERT_GE(golden["by_width_coefficient"].size(), golden::at_least(32));
  ASSERT_GE(golden["other_divisors"].size(), golden::at_least(9));
  for (const json& row : golden["by_width_coefficient"]) {
    const auto expected = row[1].get<std::vector<int64_t>>();
    for (size_t i = 0; i < filters.size(); ++i) {
      EXPECT_EQ(round_filters(filters[i], row[0].get<double>()), expected[i]) << filters[i] << " * " << row[0];
    }
  }
  for (const json& row : golden["other_divisors"]) {
    const double width = row["width_coefficient"].is_null() ? 0.0 : row["width_coefficient"].get<double>();
    const int64_t least = row["min_depth"].is_null() ? 0 : row["min_depth"].get<int64_t>();
    EXPECT_EQ(round_filters(row["filters"], width, row["depth_divisor"], least), row["result"]) << row;
  }
}

TEST_F(Schedules, RoundRepeats) {
  const json& golden = golden_["round_repeats"];
  const auto repeats = golden["repeats"].get<std::vector<int>>();
  ASSERT_GE(golden["by_depth_coefficient"].size(), golden::at_least(25));
  for (const json& row : golden["by_depth_coefficient"]) {
    for (size_t i = 0; i < repeats.size(); ++i) {
      EXPECT_EQ(round_repeats(repeats[i], row[0].get<double>()), row[1][i].get<int>()) << repeats[i] << " * " << row[0];
    }
  }
}

// The probability itself for every block, and in the graph exactly the blocks where the original drops, with the same
// number to the last bit.
TEST_F(Schedules, SurvivalProbabilities) {
  int models = 0;
  for (const auto& [name, row] : golden_["survival_prob"].items()) {
    if (!row.is_object()) continue;
    SCOPED_TRACE(name);
    ++models;
    const auto all = row["all_blocks"].get<std::vector<double>>();
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(block_survival(0.8, static_cast<int>(i), static_cast<int>(all.size())), all[i]);
    }
    std::vector<std::pair<std::string, double>> expected;
    for (const int block : row["applied_to_blocks"]) {
      expected.emplace_back(fmt::format("{}/blocks_{}", name, block), all[static_cast<size_t>(block)]);
    }
    std::vector<std::pair<std::string, double>> built;
    const Graph graph = build_model(name);
    for (const Node& node : graph.nodes()) {
      if (const auto* drop = std::get_if<DropPath>(&node.op)) built.emplace_back(node.scope, drop->survival);
    }
    EXPECT_EQ(built, expected);
  }
  EXPECT_GT(models, 0);
}

// Spec mnasnet 2.4, the rows under the table.
TEST(RoundFilters, MnasNetRows) {
  struct Row {
    int64_t filters;
    double multiplier;
    int64_t divisor;
    int64_t least;
    int64_t expected;
  };
  const std::vector<Row> rows = {
      {16, 0.35, 8, 0, 8},  {40, 0.35, 8, 0, 16}, {24, 0.75, 4, 0, 20},  {16, 0.5, 8, 16, 16},  {80, 0.35, 16, 0, 32},
      {88, 0.75, 8, 0, 64}, {40, 1.3, 8, 0, 56},  {120, 1.3, 8, 0, 160}, {200, 1.3, 8, 0, 264}, {16, 0.1, 8, 0, 8}};
  for (const Row& row : rows) {
    EXPECT_EQ(round_filters(row.filters, row.multiplier, row.divisor, row.least), row.expected)
        << row.filters << " * " << row.multiplier;
  }
}

TEST(Scaling, RefusesWhatHasNoMeaning) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {-1.0, nan, infinity, 1e300}) {
    EXPECT_THROW(round_filters(32, bad), Error) << bad;
    EXPECT_THROW(round_repeats(2, bad), Error) << bad;
  }
  EXPECT_THROW(round_filters(32, 1.0, 0), Error);
  EXPECT_THROW(round_filters(32, 1.0, 8, -8), Error);
}

}  // namespace
}  // namespace netwright
