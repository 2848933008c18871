// The operators of one block in layers, for the drawings of a block and of a network.
#pragma once

#include <string>
#include <vector>

#include "export/layered_layout.h"
#include "export/units.h"

namespace netwright {

enum class BlockDetail {
  kStructure,  // operators only: the same for all blocks of one structure
  kAll,        // with channels, shapes and costs
};

class BlockPicture {
 public:
  // `number`: which of the blocks.
  BlockPicture(const Graph& graph, const std::vector<Unit>& units, const std::vector<BlockUnits>& blocks, size_t number,
               BlockDetail detail);

  // Equal for blocks of one structure: the same operators between the same inputs, whatever their widths.
  std::string key() const;

  // Makes the layout; throws Error as layered_layout.
  void lay_out();
  double width() const { return layout_.width; }
  double height() const { return layout_.height; }
  void draw(Svg& svg, Point corner) const;

 private:
  // Units that follow one another without a branch; or, with none, a value from outside.
  struct Box {
    std::vector<int> units;
    std::string source;
  };

  void add_unit(int id, const std::vector<int>& uses);
  int box_of_source(int unit);
  std::string text_of(const Unit& unit) const;
  std::string details_of(const Unit& unit) const;
  double line_height() const;
  LayoutBox size_of(const Box& box) const;
  void draw_box(Svg& svg, const Box& box, Point corner) const;

  const Graph& graph_;
  const std::vector<Unit>& units_;
  const std::vector<BlockUnits>& blocks_;
  size_t number_;
  BlockDetail detail_;
  std::vector<Box> boxes_;
  std::vector<LayoutEdge> edges_;
  std::vector<int> box_of_;  // of each unit; -1: none yet
  Layout layout_;
};

}  // namespace netwright
