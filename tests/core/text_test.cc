#include "core/text.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/progress.h"

namespace netwright {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kNames = {"efficientnet-b0", "efficientnet-b1", "mnasnet-a1", "mnasnet-small"};

TEST(Text, NearestNames) {
  EXPECT_EQ(nearest_names("efficentnet-b0", kNames).front(), "efficientnet-b0");
  EXPECT_EQ(nearest_names("EfficientNet_B1", kNames).front(), "efficientnet-b1");
  EXPECT_EQ(nearest_names("mnasnet-1a", kNames).front(), "mnasnet-a1");
  EXPECT_THAT(nearest_names("small", kNames), ElementsAre("mnasnet-small"));
  EXPECT_THAT(nearest_names("resnet50-and-more", kNames), IsEmpty());
  EXPECT_EQ(nearest_names("efficientnet-b", kNames, 1).size(), 1U);
  EXPECT_THAT(nearest_names("x", {}), IsEmpty());
}

TEST(Text, DidYouMean) {
  EXPECT_EQ(did_you_mean("mnasnet-smal", kNames), "did you mean mnasnet-small or mnasnet-a1?");
  EXPECT_EQ(did_you_mean("efficientnet-b2", kNames), "did you mean efficientnet-b0 or efficientnet-b1?");
  EXPECT_EQ(did_you_mean("zzzzzzzzzz", kNames), "");
}

TEST(Text, SplitAndJoin) {
  EXPECT_THAT(split("a,b,,c", ','), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
  EXPECT_EQ(join(std::vector<std::string>{"a", "", "c"}, ", "), "a, , c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Text, Numbers) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(5288548), "5,288,548");
  EXPECT_EQ(with_commas(-123), "-123");
  EXPECT_EQ(with_commas(-123456), "-123,456");
  EXPECT_EQ(with_commas(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(4194304), "4.0 MiB");
  EXPECT_EQ(format_bytes(int64_t{3} << 50), "3072.0 TiB");
}

TEST(Text, Durations) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(42.4), "42s");
  EXPECT_EQ(format_duration(59.6), "1m00s");
  EXPECT_EQ(format_duration(185), "3m05s");
  EXPECT_EQ(format_duration(3599.7), "1h00m");
  EXPECT_EQ(format_duration(7800), "2h10m");
}

}  // namespace
}  // namespace netwright
