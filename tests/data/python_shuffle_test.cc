// Against what CPython 3.11 gives.
#include "data/python_shuffle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace netwright {
namespace {

using ::testing::ElementsAre;

TEST(PythonShuffle, SmallLists) {
  EXPECT_THAT(python_shuffle(10, 0), ElementsAre(7, 8, 1, 5, 3, 4, 2, 0, 9, 6));
  EXPECT_THAT(python_shuffle(1, 0), ElementsAre(0));
  EXPECT_THAT(python_shuffle(0, 0), ElementsAre());
}

TEST(PythonShuffle, ManyTwists) {
  const std::vector<uint32_t> order = python_shuffle(1000, 0);
  EXPECT_EQ(order.front(), 439U);
  EXPECT_EQ(order[7], 507U);
  EXPECT_EQ(order.back(), 864U);
  uint64_t sum = 0;
  for (size_t i = 0; i < order.size(); ++i) sum += i * order[i];
  EXPECT_EQ(sum, 251292570U);
}

TEST(PythonShuffle, AnotherSeed) { EXPECT_THAT(python_shuffle(8, 12345), ElementsAre(3, 1, 7, 4, 2, 0, 5, 6)); }

}  // namespace
}  // namespace netwright
