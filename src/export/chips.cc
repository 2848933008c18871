#include "export/chips.h"

#include <array>

#include <fmt/format.h>

#include "core/text.h"
#include "graph/text.h"

namespace netwright {

Ink ink_of(UnitKind kind) {
  switch (kind) {
    case UnitKind::kConvolution:
      return Ink::kConvolution;
    case UnitKind::kDepthwise:
      return Ink::kDepthwise;
    case UnitKind::kDense:
      return Ink::kDense;
    case UnitKind::kPool:
      return Ink::kPool;
    case UnitKind::kGate:
      return Ink::kGate;
    case UnitKind::kJoin:
      return Ink::kJoin;
    case UnitKind::kInput:
    case UnitKind::kOther:
      break;
  }
  return Ink::kOther;
}

std::string chip_text(const Unit& unit) {
  if (unit.residual) return unit.label + " input";
  if (unit.kind == UnitKind::kGate) return fmt::format("{} {}", unit.label, unit.channels);
  return unit.channels > 0 ? fmt::format("{} → {}", unit.label, unit.channels) : unit.label;
}

double chip_width(std::string_view text) { return text_width(text) + 2.0 * kChipPadding; }

void draw_chip(Svg& svg, Point corner, double width, std::string_view text, Ink ink, std::string_view tip) {
  svg.rectangle(corner, width, kChipHeight, ink, 4.0, tip);
  svg.text({corner.x + kChipPadding, corner.y + 13.0}, text);
}

std::string tip_of(const Graph& graph, const Unit& unit) {
  std::string tip;
  for (const NodeId id : unit.nodes) {
    const Node& node = graph.node(id);
    tip += fmt::format("{} {}: {}\n", operator_name(node.op), node.scope, shape_text(node.shape));
  }
  return tip + fmt::format("{} parameters, {} multiply-adds", with_commas(unit.cost.parameters),
                           with_commas(unit.cost.multiply_adds));
}

std::string short_count(int64_t value) {
  constexpr std::array<std::string_view, 4> kUnits = {" k", " M", " G", " T"};
  if (value < 1000) return fmt::format("{}", value);
  auto scaled = static_cast<double>(value);
  size_t unit = 0;
  for (scaled /= 1000.0; scaled >= 999.5 && unit + 1 < kUnits.size(); scaled /= 1000.0) ++unit;
  const int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", scaled, decimals, kUnits.at(unit));
}

}  // namespace netwright
