// Each update rule and the averages against numbers worked out by hand from spec efficientnet 4.4 and 4.5.
#include "train/optimizer.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "train/schedule.h"
#include "train/support.h"

namespace netwright {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

// A dense layer of three features and one class: a decayed kernel and an undecayed bias.
ParameterLayout two_tensors() {
  GraphBuilder builder("tiny", InputSpec{});
  const NodeId pooled = builder.add(GlobalPool{}, {builder.input()});
  Dense dense{.units = 1};
  dense.kernel = builder.parameter({"dense/kernel", {3, 1}, ParameterRole::kDenseKernel, {}, 1.0});
  dense.bias = builder.parameter({"dense/bias", {1}, ParameterRole::kBias, {}, 0.0});
  builder.output("logits", builder.add(dense, {pooled}));
  return ParameterLayout(builder.finish());
}

// Values and gradients of the kernel's three elements and the bias.
struct Problem {
  ParameterLayout layout = two_tensors();
  std::vector<float> values = std::vector<float>(static_cast<size_t>(layout.size()), 0.0F);
  std::vector<float> gradients = std::vector<float>(static_cast<size_t>(layout.trainable_size()), 0.0F);
  size_t bias = static_cast<size_t>(layout.find("dense/bias")->offset);

  Problem() {
    values[0] = 1.0F;
    values[1] = -2.0F;
    values[2] = 2.0F;
    values[bias] = 0.5F;
    gradients[0] = 0.3F;
    gradients[1] = 0.0F;
    gradients[2] = -0.4F;
    gradients[bias] = 0.1F;
  }

  std::vector<float> after(const OptimizerSettings& settings, double weight_decay, float rate, int updates) {
    Optimizer optimizer(settings, layout, weight_decay, test::backend());
    const auto w = test::upload(values);
    for (int i = 0; i < updates; ++i) {
      // The gradient of a step: an update may use the buffer as it likes.
      const auto g = test::upload(gradients);
      optimizer.update(*w, *g, rate);
    }
    const std::vector<float> all = test::download(*w);
    return {all[0], all[1], all[2], all[bias]};
  }
};

constexpr float kNear = 2e-7F;

TEST(Optimizer, RmsPropStartsItsMeanSquareAtOne) {
  // ms = 1 + (g^2 - 1) 0.1; mom = rate g / sqrt(ms + 0.001); w -= mom. For g = 0.3: ms 0.909, mom 0.1 x 0.3 /
  // sqrt(0.91) = 0.0314485; g = -0.4: ms 0.916, -0.0417710; g = 0.1: ms 0.901, 0.0105292.
  Problem problem;
  EXPECT_THAT(
      problem.after({.kind = OptimizerKind::kRmsProp}, 0.0, 0.1F, 1),
      ElementsAre(FloatNear(0.96855146F, kNear), -2.0F, FloatNear(2.04177104F, kNear), FloatNear(0.48947077F, kNear)));
}

TEST(Optimizer, RmsPropMomentumHoldsTheRate) {
  // Second update of g = 0.3: ms = 0.909 + (0.09 - 0.909) 0.1 = 0.8271, mom = 0.9 x 0.0314485 + 0.03 / sqrt(0.8281) =
  // 0.0612707; w = 0.9685515 - 0.0612707.
  Problem problem;
  EXPECT_NEAR(problem.after({.kind = OptimizerKind::kRmsProp}, 0.0, 0.1F, 2)[0], 0.90728086F, kNear);
}

TEST(Optimizer, SgdDecaysOnlyWhatIsDecayed) {
  // w -= rate (g + 0.5 w) for the kernel, rate g for the bias.
  Problem problem;
  EXPECT_THAT(
      problem.after({.kind = OptimizerKind::kSgd}, 0.5, 0.1F, 1),
      ElementsAre(FloatNear(0.92F, kNear), FloatNear(-1.9F, kNear), FloatNear(1.94F, kNear), FloatNear(0.49F, kNear)));
}

TEST(Optimizer, MomentumIsNotNesterovs) {
  // acc = g, then 0.9 g + g: w = 1 - 0.1 x 0.3 - 0.1 x 0.57.
  Problem problem;
  EXPECT_NEAR(problem.after({.kind = OptimizerKind::kMomentum}, 0.0, 0.1F, 2)[0], 0.913F, kNear);
}

TEST(Optimizer, LarsAdaptsKernelsOnly) {
  // |w| = 3, |g| = 0.5: trust = 0.001 x 3 / (0.5 + 0.1 x 3 + 0.2) = 0.003; w -= (g + 0.1 w) 10 x 0.003. The bias moves
  // by rate g.
  Problem problem;
  EXPECT_THAT(
      problem.after({.kind = OptimizerKind::kLars, .lars_weight_decay = 0.1F, .lars_epsilon = 0.2F}, 0.0, 10.0F, 1),
      ElementsAre(FloatNear(0.988F, kNear), FloatNear(-1.994F, kNear), FloatNear(2.006F, kNear),
                  FloatNear(-0.5F, kNear)));
}

TEST(Optimizer, L2LossIsHalfTheSquares) {
  Problem problem;
  const Optimizer optimizer({}, problem.layout, 0.5, test::backend());
  EXPECT_NEAR(optimizer.l2_loss(*test::upload(problem.values)), 0.5 / 2 * 9, 1e-6);
}

TEST(Averages, FollowWithTheDecayOfTheStep) {
  const auto values = test::upload(std::vector<float>(16, 1.0F));
  const auto averages = test::upload(std::vector<float>(16, 0.0F));
  // d = 2/11, then 3/12: 9/11, then 9/11 + (1 - 9/11) 0.75.
  test::backend().average(*averages, *values, average_decay(0.9999, 1));
  EXPECT_NEAR(test::download(*averages)[3], 9.0 / 11.0, kNear);
  test::backend().average(*averages, *values, average_decay(0.9999, 2));
  EXPECT_NEAR(test::download(*averages)[3], 1.0 - 2.0 / 11.0 * 0.25, kNear);
}

TEST(Optimizer, SlotsHaveTensorFlowsNamesAndFirstValues) {
  Problem problem;
  const Optimizer rmsprop({.kind = OptimizerKind::kRmsProp}, problem.layout, 0.0, test::backend());
  ASSERT_EQ(rmsprop.slots().size(), 2U);
  EXPECT_EQ(slot_names(OptimizerKind::kRmsProp)[0].suffix, "RMSProp");
  EXPECT_FLOAT_EQ(test::download(*rmsprop.slots()[0])[0], 1.0F);
  EXPECT_EQ(slot_names(OptimizerKind::kRmsProp)[1].suffix, "RMSProp_1");
  EXPECT_FLOAT_EQ(test::download(*rmsprop.slots()[1])[0], 0.0F);
  EXPECT_EQ(slot_names(OptimizerKind::kMomentum)[0].suffix, "Momentum");
  EXPECT_EQ(slot_names(OptimizerKind::kLars)[0].suffix, "LARSOptimizer");
  EXPECT_TRUE(slot_names(OptimizerKind::kSgd).empty());
}

}  // namespace
}  // namespace netwright
