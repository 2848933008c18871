// The latency model against the original's float32 results, and its features.
#include "spaces/cost_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "models/mobile_spec.h"
#include "support/golden.h"
#include "support/testing.h"

namespace netwright {
namespace {

using nlohmann::json;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(CostModel, EveryRecordedArchitectureToTheLastDigit) {
  const json golden = golden::json_of("tunas/architectures.json");
  if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden architectures";
  size_t compared = 0;
  for (const auto& [space, list] : golden["spaces"].items()) {
    const Spec spec = space_of(space).build();
    const CostModel model(space);
    EXPECT_EQ(model.features(), list["features"].get<int64_t>());
    for (const json& architecture : list["architectures"]) {
      SCOPED_TRACE(space + " " + architecture["name"].get<std::string>());
      FixedChoices choices(parse_indices(architecture["indices"].get<std::string>()));
      const std::vector<float> features = cost_features(spec, ask(spec, choices));
      std::vector<int64_t> ones;
      for (size_t i = 0; i < features.size(); ++i) {
        if (features[i] == 1.0F) ones.push_back(static_cast<int64_t>(i));
      }
      EXPECT_EQ(ones, architecture["ones"].get<std::vector<int64_t>>());
      EXPECT_EQ(static_cast<double>(model.estimate(features)), architecture["cost"].get<double>());
      ++compared;
    }
  }
  EXPECT_GE(compared, golden::at_least(50));
}

// A search's warm-up: every operation in equal shares, every width the largest.
class WarmUp : public Choices {
 public:
  std::vector<float> shares(const Decision& decision) override {
    if (decision.tag == kFiltersTag) return one_hot(decision.choices, decision.choices - 1);
    const float share = 1.0F / static_cast<float>(decision.choices);
    std::vector<float> shares(static_cast<size_t>(decision.choices), share);
    return shares;
  }
};

TEST(CostModel, BlendsOfTheWarmUp) {
  for (const SpaceDefinition& space : all_spaces()) {
    if (!space.searchable) continue;
    const json golden = golden::json_of(fmt::format("tunas/supernet/{}-forward-warmup.json", space.name));
    if (golden.is_null()) GTEST_SKIP() << "SKIPPED: no golden supernets";
    const Spec spec = space.build();
    WarmUp choices;
    const auto wanted = golden["estimated_cost"].get<double>();
    // 36 and 63 features are not 0 or 1 there: their order of addition is not the sparse one.
    EXPECT_NEAR(CostModel(space.name).estimate(cost_features(spec, ask(spec, choices))), wanted, 1e-5 * wanted)
        << space.name;
  }
}

// Published: 84.0 in the original's test; the comments of ultmaster/AceNAS give 84.60, 84.59 and 84.92 for three more.
TEST(CostModel, PublishedFigures) {
  const std::vector<std::pair<const char*, double>> cases = {
      {"0:0:0:1:0:0:0:0:1:0:0:1:0:0:1:0:1:1:0:1:0:0:1:0:0:0:0:0:0:2:1:0:1:1:0:2:1:0:2:1:0:0:1:1:0:0:0:0:1:0:0:1:0:0:0:"
       "1:1:"
       "0:2:0:0:0:0:0:1:0:0:0:2:1:0:0:0",
       84.0},
      {"0:0:0:0:1:0:0:0:0:0:1:1:1:1:1:0:1:0:0:0:0:0:1:1:1:1:0:0:0:0:1:0:0:0:1:1:0:0:2:0:1:0:2:1:0:0:1:0:0:1:0:2:0:0:0:"
       "2:1:"
       "0:2:1:0:2:0:0:2:0:0:0:2:1:0:0:0",
       84.60},
      {"0:0:0:1:0:0:2:0:1:0:0:1:2:1:1:0:0:1:0:0:0:0:2:0:1:1:0:0:0:2:1:0:2:1:1:1:1:0:2:0:1:0:1:1:0:1:0:0:1:1:0:0:1:0:0:"
       "2:1:"
       "0:1:1:0:1:0:0:1:1:0:0:2:1:0:0:0",
       84.59},
      {"0:0:0:0:0:0:0:1:0:1:1:1:0:0:1:0:1:0:0:0:0:1:1:0:1:0:0:0:0:1:1:0:2:1:0:0:1:0:2:1:1:0:2:1:0:2:0:0:2:0:0:1:"
       "0:0:0:2:1:0:2:0:0:2:1:0:0:0:0:0:1:1:0:0:0",
       84.92},
  };
  for (const auto& [indices, milliseconds] : cases) {
    EXPECT_NEAR(estimate_cost("proxylessnas_search", parse_indices(indices)), milliseconds, 0.02);
  }
}

Spec conv_of(Spec kernel) { return SpecRecord{RecordKind::kConv, {std::move(kernel), 1, true}}; }
Spec node_of(std::vector<Spec> choices) { return SpecOneOf{std::move(choices), "op_indices"}; }

// One block of a fixed width, which adds no factor: the cases of the original's mobile_cost_model_test.
std::vector<float> features_of(const Spec& layer, std::vector<int64_t> indices) {
  const Spec block = SpecRecord{RecordKind::kBlock, {SpecList{{layer}}, 32}};
  const Spec tower = SpecRecord{RecordKind::kConvTower, {SpecList{{block}}, 8}};
  FixedChoices choices(std::move(indices));
  return cost_features(tower, ask(tower, choices));
}

TEST(CostModel, FeaturesOfOneLayer) {
  const Spec zero = SpecRecord{RecordKind::kZero, {}};
  EXPECT_THAT(features_of(node_of({zero}), {0}), ElementsAre(1));
  EXPECT_THAT(features_of(node_of({zero, conv_of(5)}), {0}), ElementsAre(1, 0));
  EXPECT_THAT(features_of(node_of({zero, conv_of(5)}), {1}), ElementsAre(0, 1));
  const Spec searched = node_of({zero, conv_of(node_of({3, 5, 7}))});
  EXPECT_THAT(features_of(searched, {2, 0}), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(features_of(searched, {0, 1}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(features_of(searched, {2, 1}), ElementsAre(0, 0, 0, 1));
  const Spec two = node_of({conv_of(node_of({3, 5, 7})), conv_of(node_of({3, 5}))});
  EXPECT_THAT(features_of(two, {1, 1, 0}), ElementsAre(0, 1, 0, 0, 0));
  EXPECT_THAT(features_of(two, {2, 1, 1}), ElementsAre(0, 0, 0, 0, 1));
}

TEST(CostModel, Refuses) {
  EXPECT_THAT(error_of([] { CostModel("mobilenet_v2"); }), HasSubstr("there is no cost model of mobilenet_v2"));
  EXPECT_THAT(error_of([] { CostModel("nonsense"); }), HasSubstr("Unsupported SSD \"nonsense\""));
  EXPECT_THAT(error_of([] {
                estimate_cost("proxylessnas_search", {0, 0});
              }),
              HasSubstr("Wrong number of indices. Expected: 73 but got: 2"));
  EXPECT_THAT(error_of([] { CostModel("proxylessnas_search").estimate(std::vector<float>(143)); }),
              HasSubstr("143 features were given, the cost model of proxylessnas_search has 144"));
}

}  // namespace
}  // namespace netwright
