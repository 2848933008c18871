#include "export/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "export/chips.h"
#include "export/graphs.h"
#include "models/registry.h"

namespace netwright {
namespace {

using testing::ElementsAre;

struct Blocks {
  explicit Blocks(Graph network) : graph(std::move(network)), units(units_of(graph)), list(blocks_of(graph, units)) {}

  const BlockUnits& block(std::string_view name) const {
    for (const BlockUnits& block : list) {
      if (block.block.name == name) return block;
    }
    throw std::out_of_range(std::string(name));
  }
  std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> texts;
    for (const int unit : block(name).units) texts.push_back(chip_text(units[static_cast<size_t>(unit)]));
    return texts;
  }

  Graph graph;
  std::vector<Unit> units;
  std::vector<BlockUnits> list;
};

// Tables 1 of the EfficientNet paper and 7 of MnasNet's: kernels, strides, expansions, channels, gates of a quarter of
// the block's input (MnasNet: 40 / 4).
TEST(Units, ReadAsThePapersTables) {
  const Blocks b0(build_model("efficientnet-b0"));
  EXPECT_THAT(b0.texts("stem"), ElementsAre("3×3 /2 swish → 32"));
  EXPECT_THAT(b0.texts("blocks_0"), ElementsAre("dw 3×3 swish", "SE 8", "1×1 → 16"));
  EXPECT_THAT(b0.texts("blocks_3"), ElementsAre("1×1 ×6 swish → 144", "dw 5×5 /2 swish", "SE 6", "1×1 → 40"));
  EXPECT_THAT(b0.texts("blocks_4"), ElementsAre("1×1 ×6 swish → 240", "dw 5×5 swish", "SE 10", "1×1 → 40", "+ input"));
  EXPECT_THAT(b0.texts("head"), ElementsAre("1×1 ×4 swish → 1280", "global mean", "dense → 1000"));

  const Blocks a1(build_model("mnasnet-a1"));
  EXPECT_THAT(a1.texts("mnas_blocks_4"),
              ElementsAre("1×1 ×3 relu → 120", "dw 5×5 relu", "SE 10", "1×1 → 40", "+ input"));
}

TEST(Units, FoldDepthwiseKernelsOfSeveralSizes) {
  const Blocks mixed(mixed_kernel_network());
  EXPECT_THAT(mixed.texts("blocks_0"), ElementsAre("1×1 ×6 relu → 96", "dw 3×3|5×5|7×7 /2 relu", "SE 8", "1×1 → 24"));
  EXPECT_TRUE(mixed.block("blocks_1").chain);
}

TEST(Units, OfExpertsSayHowMany) {
  const Blocks net(build_model("efficientnet-condconv-b0-8e"));
  EXPECT_THAT(net.texts("blocks_15"),
              ElementsAre("global mean", "dense sigmoid → 8", "1×1 ×6 swish of 8 experts → 1152",
                          "dw 3×3 swish of 8 experts", "SE 48", "1×1 of 8 experts → 320"));
  EXPECT_FALSE(net.block("blocks_15").chain);
}

TEST(Units, BlocksKnowWhatTheyRead) {
  const Blocks cells(cell_network(5));
  const auto number = [&](std::string_view name) { return static_cast<int>(&cells.block(name) - cells.list.data()); };
  EXPECT_THAT(cells.block("input").from, ElementsAre());
  EXPECT_THAT(cells.block("cell_0").from, ElementsAre(number("stem")));
  EXPECT_THAT(cells.block("cell_3").from, ElementsAre(number("cell_1"), number("cell_2")));
  EXPECT_EQ(cells.block("cell_3").input, (Shape{8, 8, 32}));
  EXPECT_EQ(cells.block("cell_3").output, (Shape{8, 8, 64}));
  EXPECT_FALSE(cells.block("cell_3").chain);
}

// Whatever the network: every node is in one unit, every unit in one block, inputs come first, and nothing is lost of
// the costs.
void expect_sound(const Blocks& net) {
  std::vector<int> seen(net.graph.nodes().size());
  for (size_t i = 0; i < net.units.size(); ++i) {
    for (const NodeId id : net.units[i].nodes) ++seen[static_cast<size_t>(id)];
    for (const int input : net.units[i].inputs) EXPECT_LT(input, static_cast<int>(i));
    EXPECT_FALSE(net.units[i].label.empty());
  }
  EXPECT_THAT(seen, testing::Each(1));
  Cost cost;
  size_t units = 0;
  for (size_t i = 0; i < net.list.size(); ++i) {
    cost += net.list[i].cost;
    units += net.list[i].units.size();
    for (const int from : net.list[i].from) EXPECT_LT(from, static_cast<int>(i));
  }
  EXPECT_EQ(units, net.units.size());
  EXPECT_EQ(cost, count(net.graph));
}

TEST(Units, AreSoundForEveryModel) {
  for (const ModelInfo& model : all_models()) {
    SCOPED_TRACE(model.name);
    expect_sound(Blocks(build_model(model.name)));
  }
  expect_sound(Blocks(cell_network(8)));
  expect_sound(Blocks(mixed_kernel_network()));
}

TEST(ShortCount, HasThreeFigures) {
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(1000), "1.00 k");
  EXPECT_EQ(short_count(99'949), "99.9 k");
  EXPECT_EQ(short_count(99'950), "100 k");
  EXPECT_EQ(short_count(999'499), "999 k");
  EXPECT_EQ(short_count(999'500), "1.00 M");
  EXPECT_EQ(short_count(5'288'548), "5.29 M");
  EXPECT_EQ(short_count(37'000'000'000), "37.0 G");
}

}  // namespace
}  // namespace netwright
