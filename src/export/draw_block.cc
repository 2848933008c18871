#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"
#include "export/block_picture.h"
#include "export/chips.h"
#include "export/drawing.h"

namespace netwright {
namespace {

constexpr double kMargin = 20.0;
constexpr double kTop = 80.0;  // of the picture, below the title

size_t find_block(const Graph& graph, const std::vector<BlockUnits>& blocks, std::string_view name) {
  std::vector<std::string> known;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].block.name == name) return i;
    known.push_back(blocks[i].block.name);
  }
  const std::string hint = did_you_mean(name, known);
  fail("{} has no block \"{}\"; {}", graph.name(), name,
       hint.empty() ? fmt::format("`netwright summary {} --blocks` lists them", graph.name()) : hint);
}

}  // namespace

std::string draw_block(const Graph& graph, std::string_view block) {
  std::vector<Unit> units = units_of(graph);
  const std::vector<BlockUnits> blocks = blocks_of(graph, units);
  const size_t number = find_block(graph, blocks, block);
  BlockPicture picture(graph, units, blocks, number, BlockDetail::kAll);
  picture.lay_out();

  const BlockUnits& drawn = blocks[number];
  const std::string title = fmt::format("{} of {}", drawn.block.name, graph.name());
  const std::string facts =
      fmt::format("{} in, {} out, {} parameters, {} multiply-adds", shape_text(drawn.input), shape_text(drawn.output),
                  with_commas(drawn.cost.parameters), with_commas(drawn.cost.multiply_adds));
  Svg svg;
  constexpr TextStyle kTitle = {.size = 18.0, .bold = true};
  svg.text({kMargin, 34.0}, title, kTitle);
  svg.text({kMargin, 54.0}, facts, {.ink = Ink::kMuted});
  const double inner = std::max({picture.width(), text_width(facts), text_width(title, kTitle.size)});
  picture.draw(svg, {kMargin + (inner - picture.width()) / 2.0, kTop});
  return svg.finish(inner + 2.0 * kMargin, kTop + picture.height() + kMargin, title);
}

}  // namespace netwright
