// Memory needs predicted before the first step.
#include "train/memory.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/process_memory.h"
#include "support/testing.h"
#include "train/support.h"

namespace netwright {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Recipe recipe_of(int64_t batch, int64_t side = 16) {
  ModelOptions options = test::tiny_options();
  options.height = options.width = side;
  RecipeOverrides overrides;
  overrides.batch = batch;
  overrides.train_steps = 1;
  return make_recipe(test::kTinyModel, options, overrides);
}

TEST(LargestBatch, IsWhereTheNeedCrossesWhatIsThere) {
  const MemoryNeed need = [](int64_t batch) { return 100 + 7 * batch; };
  for (const int64_t available : {106, 107, 113, 114, 500, 799, 800, 900}) {
    const int64_t expected = std::clamp<int64_t>((available - 100) / 7, 0, 100);
    EXPECT_EQ(largest_batch(100, available, need), expected) << available;
  }
}

TEST(Memory, OfATrainingHasAllItsParts) {
  const Backend& backend = test::backend();
  const Recipe recipe = recipe_of(64);
  const ParameterLayout layout(build_model(recipe.model, recipe.model_options));
  // RMSProp with averages: values, averages, gradients and two slots.
  const int64_t flat = 4 * (2 * layout.size() + 3 * layout.trainable_size());
  const int64_t images = int64_t{4} * 16 * 16 * 3;  // bytes of one
  const int64_t need = training_need(recipe, 64, 1, backend);
  EXPECT_GT(need, 2 * flat);
  EXPECT_GT(training_need(recipe, 128, 1, backend) - need, 4 * 64 * images);
  // In parts, only the pipeline's images are as many as before.
  const int64_t halves = training_need(recipe, 64, 2, backend);
  EXPECT_LT(halves, need);
  EXPECT_NEAR(static_cast<double>(halves), static_cast<double>(training_need(recipe, 32, 1, backend) + 4 * 32 * images),
              1e6);
}

TEST(Memory, ABatchThatCanNotFitIsRefusedWithTheLargestThatDoes) {
  const Backend& backend = test::backend();
  EXPECT_EQ(error_of([&] { check_training_memory(recipe_of(4), 1, backend); }), "(no error)");
  const std::string message = error_of([&] { check_training_memory(recipe_of(1 << 20, 512), 1, backend); });
  EXPECT_THAT(message, StartsWith("--batch=1048576 needs "));
  constexpr std::string_view kPart = "; the largest that fits is ";
  ASSERT_THAT(message, HasSubstr(kPart));
  const int64_t largest = std::stoll(message.substr(message.find(kPart) + kPart.size()));
  // The machine is not ours alone: what is available moves.
  EXPECT_NEAR(static_cast<double>(training_need(recipe_of(largest, 512), largest, 1, backend)),
              static_cast<double>(backend.available_bytes()), 1e9);
  const Graph graph = build_model(test::kTinyModel, test::tiny_options());
  EXPECT_THAT(error_of([&] { check_evaluation_memory(graph, 1 << 26, Precision::kFloat32, backend, "--eval_batch"); }),
              AllOf(StartsWith("--eval_batch=67108864 needs "), HasSubstr("the largest that fits is ")));
}

}  // namespace
}  // namespace netwright
