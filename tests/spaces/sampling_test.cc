// Sizes of the spaces, and what uniform draws give: statistics of the original's sampler.
#include "spaces/sampling.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "models/mobile_spec.h"
#include "spaces/cost_model.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using nlohmann::json;
using test::error_of;
using testing::HasSubstr;

TEST(Spaces, Sizes) {
  const json golden = golden::json_of("tunas/spaces.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden spaces";
  for (const SpaceDefinition& space : all_spaces()) {
    EXPECT_EQ(count_members(decisions(space.build())),
              golden["spaces"][std::string(space.name)]["size"].get<std::string>())
        << space.name;
  }
}

// Published: about 10^21, 10^28 and 10^43.
TEST(Spaces, PublishedSizes) {
  EXPECT_EQ(count_members(decisions(space_of("proxylessnas_search").build())).size(), 22U);
  EXPECT_EQ(count_members(decisions(space_of("proxylessnas_enlarged_search").build())).size(), 29U);
  EXPECT_EQ(count_members(decisions(space_of("mobilenet_v3_like_search").build())).size(), 43U);
}

struct Draws {
  std::vector<float> costs;            // ascending
  std::vector<int64_t> first_choices;  // how often each decision took its first choice
};

Draws draw(const SpaceDefinition& space, int64_t count) {
  const Spec spec = space.build();
  const CostModel model(space.name);
  Draws draws;
  draws.first_choices.resize(decisions(spec).size());
  for (int64_t i = 0; i < count; ++i) {
    RandomChoices choices(7, static_cast<uint64_t>(i));
    draws.costs.push_back(model.estimate(cost_features(spec, ask(spec, choices))));
    for (size_t k = 0; k < draws.first_choices.size(); ++k) draws.first_choices[k] += choices.indices()[k] == 0 ? 1 : 0;
  }
  std::sort(draws.costs.begin(), draws.costs.end());
  return draws;
}

// Two samples of the same size: differences within four standard errors.
void compare(const Draws& draws, const json& wanted) {
  const auto count = static_cast<double>(draws.costs.size());
  const double error = 4.0 * std::sqrt(2.0 / count);
  const auto deviation = wanted["std"].get<double>();
  double mean = 0.0;
  for (const float cost : draws.costs) mean += cost / count;
  EXPECT_NEAR(mean, wanted["mean"].get<double>(), error * deviation);
  double square = 0.0;
  for (const float cost : draws.costs) square += (cost - mean) * (cost - mean) / count;
  EXPECT_NEAR(std::sqrt(square), deviation, error * deviation);
  for (const auto& [percent, cost] : wanted["quantiles"].items()) {
    const double share = std::stod(percent) / 100.0;
    const auto below = std::lower_bound(draws.costs.begin(), draws.costs.end(), cost.get<float>());
    EXPECT_NEAR(static_cast<double>(below - draws.costs.begin()) / count, share,
                error * std::sqrt(share * (1.0 - share)));
  }
  const auto low = std::lower_bound(draws.costs.begin(), draws.costs.end(), wanted["window"][0].get<float>());
  const auto high = std::upper_bound(draws.costs.begin(), draws.costs.end(), wanted["window"][1].get<float>());
  const auto fraction = wanted["fraction_in_window"].get<double>();
  EXPECT_NEAR(static_cast<double>(high - low) / count, fraction, error * std::sqrt(fraction));
  ASSERT_EQ(draws.first_choices.size(), wanted["counts"].size());
  for (size_t i = 0; i < draws.first_choices.size(); ++i) {
    const double share = 1.0 / wanted["counts"][i].get<double>();
    const double found = static_cast<double>(draws.first_choices[i]) / count;
    EXPECT_NEAR(found, share, error * std::sqrt(share * (1.0 - share))) << "decision " << i;
    EXPECT_NEAR(wanted["first_choice_frequency"][i].get<double>(), share, error * std::sqrt(share * (1.0 - share)));
  }
}

TEST(Sampling, UniformDrawsHaveTheOriginalsStatistics) {
  const json golden = golden::json_of("tunas/sampler/statistics.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden statistics";
  for (const SpaceDefinition& space : all_spaces()) {
    if (!space.searchable) continue;
    SCOPED_TRACE(space.name);
    const json& wanted = golden["spaces"][std::string(space.name)];
    compare(draw(space, wanted["draws"].get<int64_t>()), wanted);
  }
}

// What the original's sampler printed has the costs that it printed.
TEST(Sampling, TheOriginalsFindsHaveTheirCosts) {
  size_t compared = 0;
  for (const SpaceDefinition& space : all_spaces()) {
    if (!space.searchable) continue;
    const std::string path = golden::path_of(fmt::format("tunas/sampler/{}.stdout", space.name));
    if (path.empty()) GTEST_SKIP() << "SKIPPED: no golden samples";
    const std::string text = read_file(path);
    for (const json& item : json::parse(text.substr(text.find("\n[") + 1))) {
      EXPECT_EQ(static_cast<double>(estimate_cost(space.name, parse_indices(item["indices"].get<std::string>()))),
                item["cost"].get<double>());
      ++compared;
    }
  }
  EXPECT_GE(compared, golden::at_least(36));
}

TEST(Sampling, FindsRepeatWithTheSeedAndLieInTheWindow) {
  SampleRequest request = {.space = "proxylessnas_search", .count = 12, .seed = 3};
  int64_t last_draws = 0;
  const auto progress = [&](int64_t draws, int64_t /*found*/) {
    EXPECT_GT(draws, last_draws);
    last_draws = draws;
  };
  const auto found = sample_architectures(request, progress);
  ASSERT_EQ(found.size(), 12U);
  EXPECT_GT(last_draws, 0);
  std::set<std::vector<int64_t>> different;
  for (const SampledArchitecture& one : found) {
    EXPECT_GE(one.cost, 83.0F);
    EXPECT_LE(one.cost, 85.0F);
    EXPECT_EQ(one.cost, estimate_cost("proxylessnas_search", one.indices));
    different.insert(one.indices);
  }
  EXPECT_EQ(different.size(), 12U);
  request.count = 5;
  const auto quiet = [](int64_t, int64_t) {};
  const auto again = sample_architectures(request, quiet);
  ASSERT_EQ(again.size(), 5U);
  for (size_t i = 0; i < again.size(); ++i) EXPECT_EQ(again[i].indices, found[i].indices);
  request.seed = 4;
  EXPECT_NE(sample_architectures(request, quiet)[0].indices, found[0].indices);
}

TEST(Sampling, Refuses) {
  const auto error = [](const SampleRequest& request) {
    return error_of([&] { sample_architectures(request, [](int64_t, int64_t) {}); });
  };
  EXPECT_THAT(error({.space = "proxylessnas_search", .min_cost = 85, .max_cost = 83}), HasSubstr("the smaller one"));
  EXPECT_THAT(error({.space = "proxylessnas_search", .count = 0}), HasSubstr("expected at least 1"));
  EXPECT_THAT(error({.space = "mobilenet_v2"}), HasSubstr("there is no cost model"));
  EXPECT_THAT(error({.space = "proxylessnas_search", .min_cost = 1, .max_cost = 2, .most_draws = 50}),
              HasSubstr("0 of 50 draws cost 1 to 2 ms"));
}

}  // namespace
}  // namespace netwright
