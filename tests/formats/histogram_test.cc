#include "formats/histogram.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace netwright {
namespace {

using testing::ElementsAre;

constexpr double kMost = std::numeric_limits<double>::max();

// The bucket that a value falls into: (lower, upper].
std::pair<double, double> bucket_of(float value) {
  const Histogram histogram = make_histogram(std::vector<float>{value});
  for (size_t i = 0; i < histogram.buckets.size(); ++i) {
    if (histogram.buckets[i] > 0) return {i == 0 ? -kMost : histogram.limits[i - 1], histogram.limits[i]};
  }
  return {0.0, 0.0};
}

TEST(Histogram, CountsAndSums) {
  const Histogram histogram = make_histogram(std::vector<float>{0.5F, -2.0F, 0.5F, 3.0F});
  EXPECT_EQ(histogram.min, -2.0);
  EXPECT_EQ(histogram.max, 3.0);
  EXPECT_EQ(histogram.count, 4.0);
  EXPECT_EQ(histogram.sum, 2.0);
  EXPECT_EQ(histogram.sum_of_squares, 13.5);
  // Runs of empty buckets are one: before, between and behind the three that hold values.
  EXPECT_THAT(histogram.buckets, ElementsAre(0, 1, 0, 2, 0, 1, 0));
  EXPECT_EQ(histogram.limits.size(), histogram.buckets.size());
  EXPECT_TRUE(std::is_sorted(histogram.limits.begin(), histogram.limits.end()));
  EXPECT_EQ(histogram.limits.back(), kMost);
}

TEST(Histogram, BucketsGrowByATenth) {
  for (const float value : {1e-9F, 0.003F, 1.0F, 700.0F, 1e15F}) {
    const auto [lower, upper] = bucket_of(value);
    EXPECT_LE(lower, value);
    EXPECT_GT(upper, value);
    EXPECT_NEAR(upper / lower, 1.1, 1e-9) << value;
    const auto [negative_lower, negative_upper] = bucket_of(-value);
    EXPECT_DOUBLE_EQ(negative_lower, -upper);
    EXPECT_DOUBLE_EQ(negative_upper, -lower);
  }
}

TEST(Histogram, ValuesAtTheMiddleAndTheEnds) {
  EXPECT_EQ(bucket_of(0.0F), std::pair(0.0, 1e-12));
  EXPECT_EQ(bucket_of(1e-20F), std::pair(0.0, 1e-12));
  EXPECT_EQ(bucket_of(-1e-20F), std::pair(-1e-12, 0.0));
  EXPECT_EQ(bucket_of(1e30F).second, kMost);
  EXPECT_EQ(bucket_of(-1e30F).first, -kMost);
}

TEST(Histogram, LeavesOutWhatIsNotFinite) {
  EXPECT_EQ(make_histogram(std::vector<float>{NAN, 1.0F, INFINITY}).count, 1.0);
  EXPECT_TRUE(make_histogram(std::vector<float>{NAN}).buckets.empty());
  EXPECT_TRUE(make_histogram({}).buckets.empty());
}

}  // namespace
}  // namespace netwright
