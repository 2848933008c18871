#include "export/drawing.h"

#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "export/graphs.h"
#include "export/layered_layout.h"
#include "graph/blocks.h"
#include "models/registry.h"
#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;
using testing::HasSubstr;
using testing::Not;

// All texts of a picture, in order.
std::vector<std::string> texts_of(const std::string& svg) {
  static const std::regex text(">([^<]*)</text>");
  std::vector<std::string> found;
  for (std::sregex_iterator i(svg.begin(), svg.end(), text), end; i != end; ++i) found.push_back((*i)[1]);
  return found;
}

TEST(DrawNetwork, ShowsEveryBlockAndTheSums) {
  for (const char* name : {"efficientnet-b0", "mnasnet-a1", "efficientnet-condconv-b0-4e"}) {
    SCOPED_TRACE(name);
    const Graph graph = build_model(name);
    const std::vector<std::string> texts = texts_of(draw_network(graph));
    for (const Block& block : blocks_of(graph)) EXPECT_THAT(texts, testing::Contains(block.name));
    for (const char* resolution : {"224×224", "112×112", "56×56", "28×28", "14×14", "7×7"}) {
      EXPECT_THAT(texts, testing::Contains(resolution));
    }
  }
  // Published: 5.3 M parameters, 0.39 G multiply-adds (EfficientNet, table 2).
  const std::vector<std::string> texts = texts_of(draw_network(build_model("efficientnet-b0")));
  EXPECT_THAT(texts, testing::IsSupersetOf({"5.29 M", "386 M"}));
}

TEST(DrawNetwork, DrawsAStructureOnceForAllItsBlocks) {
  const std::vector<std::string> texts = texts_of(draw_network(cell_network(8)));
  EXPECT_THAT(texts, testing::IsSupersetOf({"A: cell_0", "B: cell_1 and 2 more", "C: cell_2, cell_5"}));
}

// AmoebaNet's cells read the rectified output of the cell before the last, which the last one has made for itself.
TEST(DrawNetwork, SaysWhatIsReadFromWithinABlock) {
  const Graph graph = build_model("amoeba_net_d-fast");
  EXPECT_THAT(texts_of(draw_network(graph)), testing::IsSupersetOf({"relu in the block before", "the block before"}));
  EXPECT_THAT(texts_of(draw_block(graph, "cell_1")),
              testing::IsSupersetOf({"relu in cell_0 28×28×384", "cell_0 28×28×1024"}));
}

TEST(DrawNetwork, NamesWithSpecialCharactersStayText) {
  const std::string svg = draw_network(build_model("efficientnet-b0"));
  EXPECT_THAT(svg, Not(HasSubstr("&&")));
  Svg picture;
  picture.text({0, 0}, "a<b> & \"c\"");
  EXPECT_THAT(picture.finish(10, 10, "<t>"), HasSubstr("a&lt;b&gt; &amp; &quot;c&quot;"));
  EXPECT_THAT(picture.finish(10, 10, "<t>"), HasSubstr("<title>&lt;t&gt;</title>"));
}

TEST(DrawBlock, ShowsEveryOperatorWithItsShapeAndWhatItReads) {
  const std::vector<std::string> texts = texts_of(draw_block(build_model("mnasnet-a1"), "mnas_blocks_3"));
  EXPECT_THAT(texts, testing::IsSupersetOf({"mnas_blocks_3 of mnasnet-a1", "mnas_blocks_2 56×56×24", "1×1 ×3 relu → 72",
                                            "dw 5×5 /2 relu", "SE 6", "1×1 → 40"}));
}

TEST(DrawBlock, NamesWhatThereIs) {
  const Graph graph = build_model("efficientnet-b0");
  EXPECT_THAT(error_of([&] { draw_block(graph, "block_3"); }), HasSubstr("did you mean blocks_3"));
  EXPECT_EQ(error_of([&] { draw_block(graph, "nothing of this kind"); }),
            "efficientnet-b0 has no block \"nothing of this kind\"; `netwright summary efficientnet-b0 --blocks` lists "
            "them");
}

bool overlap(Point a, LayoutBox a_size, Point b, LayoutBox b_size) {
  return a.x < b.x + b_size.width && b.x < a.x + a_size.width && a.y < b.y + b_size.height && b.y < a.y + a_size.height;
}

TEST(LayeredLayout, SetsBoxesApartAndPointsDownwards) {
  const std::vector<LayoutBox> boxes = {{80, 20}, {200, 50}, {30, 20}, {80, 20}, {60, 30}};
  const std::vector<LayoutEdge> edges = {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}, {3, 4}};
  const Layout layout = layered_layout(boxes, edges);
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(layout.corners[i].x, -0.1);
    EXPECT_LE(layout.corners[i].x + boxes[i].width, layout.width + 0.1);
    EXPECT_LE(layout.corners[i].y + boxes[i].height, layout.height + 0.1);
    for (size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(overlap(layout.corners[i], boxes[i], layout.corners[j], boxes[j])) << i << " and " << j;
    }
  }
  for (size_t i = 0; i < edges.size(); ++i) {
    const std::vector<Point>& curve = layout.curves[i];
    ASSERT_EQ(curve.size() % 3, 1U);
    const auto from = static_cast<size_t>(edges[i].from);
    const auto to = static_cast<size_t>(edges[i].to);
    EXPECT_GT(layout.corners[to].y, layout.corners[from].y);
    EXPECT_NEAR(curve.front().y, layout.corners[from].y + boxes[from].height, 1.5);
    EXPECT_NEAR(curve.back().y, layout.corners[to].y, 1.5);
  }
}

}  // namespace
}  // namespace netwright
