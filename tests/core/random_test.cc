#include "core/random.h"

#include <cmath>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace netwright {
namespace {

using Words = std::array<uint32_t, 4>;

// The known answers that come with the authors' Random123 library.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

constexpr int kDraws = 200000;

// Bounds are five standard deviations of the estimate; the streams are fixed, so these tests pass always or never.
TEST(RandomStream, UniformMoments) {
  RandomStream stream(1, RandomPurpose::kTest);
  RandomStream doubles(2, RandomPurpose::kTest);
  double sum = 0;
  double squares = 0;
  double double_sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float value = stream.uniform();
    ASSERT_GE(value, 0.0F);
    ASSERT_LT(value, 1.0F);
    ASSERT_EQ(value * 0x1p24F, std::floor(value * 0x1p24F));
    sum += value;
    squares += value * value;
    const double fine = doubles.uniform_double();
    ASSERT_GE(fine, 0.0);
    ASSERT_LT(fine, 1.0);
    double_sum += fine;
  }
  const double tolerance = 5 * std::sqrt(1.0 / 12 / kDraws);
  EXPECT_NEAR(sum / kDraws, 0.5, tolerance);
  EXPECT_NEAR(double_sum / kDraws, 0.5, tolerance);
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
}

TEST(RandomStream, NormalMoments) {
  RandomStream stream(3, RandomPurpose::kTest);
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = stream.normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(fourth / kDraws, 3.0, 5 * std::sqrt(96.0 / kDraws));
}

TEST(RandomStream, BelowIsEven) {
  RandomStream stream(4, RandomPurpose::kTest);
  std::array<int, 10> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t value = stream.below(counts.size());
    ASSERT_LT(value, counts.size());
    ++counts[value];
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - kDraws / 10.0) * (count - kDraws / 10.0) / (kDraws / 10.0);
  EXPECT_LT(chi_squared, 27.88);  // the 0.999 quantile of 9 degrees of freedom
  EXPECT_EQ(stream.below(1), 0U);
  // Three quarters of 2^64: half of the draws of a biased method would fall into the first third.
  constexpr uint64_t kLarge = uint64_t{3} << 62;
  int first_third = 0;
  for (int i = 0; i < 30000; ++i) {
    const uint64_t value = stream.below(kLarge);
    ASSERT_LT(value, kLarge);
    if (value < kLarge / 3) ++first_third;
  }
  EXPECT_NEAR(first_third, 10000, 5 * std::sqrt(30000 * 2.0 / 9));
}

TEST(RandomStream, EveryPartOfTheKeyMatters) {
  const std::vector<RandomStream> streams = {RandomStream(1, RandomPurpose::kTest),
                                             RandomStream(2, RandomPurpose::kTest),
                                             RandomStream(1, RandomPurpose::kMask),
                                             RandomStream(1, RandomPurpose::kTest, 1),
                                             RandomStream(1, RandomPurpose::kTest, 0, 1),
                                             RandomStream(1, RandomPurpose::kTest, 1, 1),
                                             RandomStream(1, RandomPurpose::kTest, 0, 1L << 32),
                                             RandomStream(1L << 32, RandomPurpose::kTest)};
  std::set<uint64_t> firsts;
  for (RandomStream stream : streams) firsts.insert(stream.next_u64());
  EXPECT_EQ(firsts.size(), streams.size());
}

TEST(RandomStream, SeekContinuesAtABlock) {
  RandomStream whole(5, RandomPurpose::kTest, 7, 9);
  std::vector<uint32_t> draws;
  for (int i = 0; i < 40; ++i) draws.push_back(whole.next_u32());
  for (const uint32_t block : {0U, 3U, 9U}) {
    RandomStream stream(5, RandomPurpose::kTest, 7, 9);
    stream.normal();  // leaves a spare value, which must not survive
    stream.seek(block);
    for (uint32_t i = 4 * block; i < 40; ++i) ASSERT_EQ(stream.next_u32(), draws[i]);
  }
  RandomStream fresh(5, RandomPurpose::kTest);
  RandomStream used(5, RandomPurpose::kTest);
  used.normal();
  used.seek(0);
  EXPECT_EQ(fresh.normal(), used.normal());
}

}  // namespace
}  // namespace netwright
