#include "export/block_picture.h"

#include <algorithm>

#include <fmt/format.h>

#include "export/chips.h"

namespace netwright {
namespace {

constexpr double kLineGap = 3.0;
constexpr double kDetailHeight = 14.0;  // of the second line of a unit
constexpr TextStyle kDetailStyle = {.size = 9.5, .ink = Ink::kMuted};

}  // namespace

BlockPicture::BlockPicture(const Graph& graph, const std::vector<Unit>& units, const std::vector<BlockUnits>& blocks,
                           size_t number, BlockDetail detail)
    : graph_(graph), units_(units), blocks_(blocks), number_(number), detail_(detail), box_of_(units.size(), -1) {
  std::vector<int> uses(units.size());
  for (const Unit& unit : units) {
    for (const int input : unit.inputs) ++uses[static_cast<size_t>(input)];
  }
  for (const int id : blocks[number].units) add_unit(id, uses);
}

void BlockPicture::add_unit(int id, const std::vector<int>& uses) {
  const Unit& unit = units_[static_cast<size_t>(id)];
  if (unit.inputs.size() == 1) {
    const auto before = static_cast<size_t>(unit.inputs[0]);
    const int box = box_of_[before];
    const bool goes_on = box >= 0 && !boxes_[static_cast<size_t>(box)].units.empty() && uses[before] == 1;
    if (goes_on) {
      boxes_[static_cast<size_t>(box)].units.push_back(id);
      box_of_[static_cast<size_t>(id)] = box;
      return;
    }
  }
  std::vector<int> sources;
  for (const int input : unit.inputs) sources.push_back(box_of_source(input));
  const auto box = static_cast<int>(boxes_.size());
  for (const int source : sources) edges_.push_back({source, box});
  boxes_.push_back({.units = {id}, .source = {}});
  box_of_[static_cast<size_t>(id)] = box;
}

// The box of a unit; of one outside the block a new one that says where it is, and what, if it isn't what that block
// gives.
int BlockPicture::box_of_source(int unit) {
  int& box = box_of_[static_cast<size_t>(unit)];
  if (box >= 0) return box;
  box = static_cast<int>(boxes_.size());
  const NodeId output = units_[static_cast<size_t>(unit)].output();
  const auto holds = [&](const BlockUnits& candidate) { return output <= candidate.block.last; };
  const auto block = std::find_if(blocks_.begin(), blocks_.end(), holds);
  const std::string what =
      unit == block->units.back() ? "" : fmt::format("{} in ", units_[static_cast<size_t>(unit)].label);
  if (detail_ == BlockDetail::kAll) {
    boxes_.push_back({{}, fmt::format("{}{} {}", what, block->block.name, shape_text(graph_.node(output).shape))});
  } else {
    const auto distance = static_cast<int64_t>(number_) - (block - blocks_.begin());
    const std::string place = distance == 1 ? "the block before" : fmt::format("{} blocks before", distance);
    boxes_.push_back({{}, what + place});
  }
  return box;
}

std::string BlockPicture::text_of(const Unit& unit) const {
  return detail_ == BlockDetail::kAll ? chip_text(unit) : unit.label;
}

std::string BlockPicture::details_of(const Unit& unit) const {
  std::string text = shape_text(graph_.node(unit.output()).shape);
  if (unit.cost.parameters > 0) text += fmt::format(", {} parameters", short_count(unit.cost.parameters));
  if (unit.cost.multiply_adds > 0) text += fmt::format(", {} multiply-adds", short_count(unit.cost.multiply_adds));
  return text;
}

std::string BlockPicture::key() const {
  std::string key;
  for (const Box& box : boxes_) {
    key += box.source;
    for (const int id : box.units) key += units_[static_cast<size_t>(id)].label + ",";
    key += ";";
  }
  for (const LayoutEdge& edge : edges_) key += fmt::format("{}>{} ", edge.from, edge.to);
  return key;
}

double BlockPicture::line_height() const {
  return kChipHeight + kLineGap + (detail_ == BlockDetail::kAll ? kDetailHeight : 0.0);
}

LayoutBox BlockPicture::size_of(const Box& box) const {
  if (box.units.empty()) return {chip_width(box.source), kChipHeight};
  LayoutBox size;
  for (const int id : box.units) {
    const Unit& unit = units_[static_cast<size_t>(id)];
    size.width = std::max(size.width, chip_width(text_of(unit)));
    if (detail_ == BlockDetail::kAll) {
      size.width = std::max(size.width, text_width(details_of(unit), kDetailStyle.size) + 2.0 * kChipPadding);
    }
  }
  size.height = static_cast<double>(box.units.size()) * line_height() - kLineGap;
  return size;
}

void BlockPicture::lay_out() {
  std::vector<LayoutBox> sizes;
  for (const Box& box : boxes_) sizes.push_back(size_of(box));
  layout_ = layered_layout(sizes, edges_);
}

void BlockPicture::draw_box(Svg& svg, const Box& box, Point corner) const {
  const LayoutBox size = size_of(box);
  if (box.units.empty()) {
    svg.text({corner.x + size.width / 2.0, corner.y + 13.0}, box.source,
             {.ink = Ink::kMuted, .anchor = TextStyle::Anchor::kMiddle});
    return;
  }
  for (const int id : box.units) {
    const Unit& unit = units_[static_cast<size_t>(id)];
    draw_chip(svg, corner, size.width, text_of(unit), ink_of(unit.kind),
              detail_ == BlockDetail::kAll ? tip_of(graph_, unit) : std::string());
    if (detail_ == BlockDetail::kAll) {
      svg.text({corner.x + kChipPadding, corner.y + kChipHeight + 10.0}, details_of(unit), kDetailStyle);
    }
    corner.y += line_height();
  }
}

void BlockPicture::draw(Svg& svg, Point corner) const {
  for (std::vector<Point> curve : layout_.curves) {
    for (Point& point : curve) point = {point.x + corner.x, point.y + corner.y};
    svg.arrow(curve);
  }
  for (size_t i = 0; i < boxes_.size(); ++i) {
    draw_box(svg, boxes_[i], {layout_.corners[i].x + corner.x, layout_.corners[i].y + corner.y});
  }
}

}  // namespace netwright
