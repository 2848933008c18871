// Counting of logits, and that each image is evaluated once.
#include "train/evaluator.h"

#include <cmath>
#include <fstream>
#include <limits>

#include <nlohmann/json.hpp>

#include "formats/support.h"
#include "support/golden.h"
#include "train/support.h"

namespace netwright {
namespace {

EvalCounts counts_of(std::vector<float> logits, std::vector<int32_t> labels) {
  EvalCounts counts;
  count_logits(logits, labels, 0.0, counts);
  return counts;
}

TEST(CountLogits, TopOneIsTheFirstOfEqualLogits) {
  EXPECT_EQ(counts_of({1, 3, 3, 0}, {1}).top1, 1);
  EXPECT_EQ(counts_of({1, 3, 3, 0}, {2}).top1, 0);
  EXPECT_EQ(counts_of({1, 3, 3, 0, /**/ 5, 1, 1, 1}, {1, 0}).top1, 2);
}

TEST(CountLogits, TopFiveCountsStrictlyLargerLogits) {
  // Four are larger: the label is among the five largest, however many equal it.
  EXPECT_EQ(counts_of({9, 8, 7, 6, 1, 1, 1, 1}, {7}).top5, 1);
  EXPECT_EQ(counts_of({9, 8, 7, 6, 5, 1, 1, 1}, {7}).top5, 0);
  EXPECT_EQ(counts_of({1, 2, 3}, {0}).top5, 1);
}

TEST(CountLogits, WhatIsNotFiniteIsWrong) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const EvalCounts counts = counts_of({2, nan, 1}, {0});
  EXPECT_EQ(counts.images, 1);
  EXPECT_EQ(counts.top1, 0);
  EXPECT_EQ(counts.top5, 0);
  EXPECT_EQ(counts.not_finite, 1);
}

TEST(CountLogits, SmoothedLossesOfTheOriginal) {
  NETWRIGHT_NEEDS_GOLDEN("efficientnet");
  std::ifstream file(golden + "/schedules.json");
  const auto cases = nlohmann::json::parse(file)["softmax_cross_entropy"]["cases"];
  for (const auto& entry : cases) {
    const auto rows = entry["shape"][0].get<int64_t>();
    const auto classes = entry["shape"][1].get<int64_t>();
    const std::vector<float> logits = golden::affine("example/logits", rows * classes, 0.0, 3.0);
    EvalCounts counts;
    count_logits(logits, entry["labels"].get<std::vector<int32_t>>(), entry["label_smoothing"], counts);
    const auto expected = entry["loss"].get<double>();
    EXPECT_NEAR(counts.smoothed / static_cast<double>(rows), expected, 1e-6 * expected) << entry;
  }
  EXPECT_EQ(cases.size(), 9U);
}

TEST(Evaluator, EveryImageOnceWhateverTheBatch) {
  const Recipe recipe = test::tiny_recipe(1);
  const Graph graph = build_model(recipe.model, recipe.model_options);
  const ParameterLayout layout(graph);
  std::vector<float> values(static_cast<size_t>(layout.size()));
  initialize_parameters(layout, 3, values);
  const auto buffer = test::upload(values);
  const auto source = test::fake_data(37);
  std::vector<EvalResult> results;
  for (const int64_t batch : {1, 8, 37, 50}) {
    Evaluator evaluator(graph, test::backend(), source, {.input = recipe.input, .batch = batch, .weight_decay = 1e-5});
    results.push_back(evaluator.evaluate(*buffer).value());
    EXPECT_EQ(results.back().images, 37);
    EXPECT_EQ(results.back().top1, results.front().top1);
    EXPECT_EQ(results.back().top5, results.front().top5);
    EXPECT_NEAR(results.back().loss, results.front().loss, 1e-5);
  }
  EXPECT_GT(results.front().loss, results.front().cross_entropy);  // weight decay
}

}  // namespace
}  // namespace netwright
