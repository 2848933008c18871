// Units as they appear in drawings: a text on a coloured ground.
#pragma once

#include <cstdint>
#include <string>

#include "export/svg.h"
#include "export/units.h"

namespace netwright {

inline constexpr double kChipHeight = 18.0;
inline constexpr double kChipPadding = 6.0;  // left and right of its text

Ink ink_of(UnitKind kind);

// "1×1 ×6 swish → 96"; "+ input" of a residual addition.
std::string chip_text(const Unit& unit);

double chip_width(std::string_view text);
void draw_chip(Svg& svg, Point corner, double width, std::string_view text, Ink ink, std::string_view tip = {});

// What a browser shows beside a unit: its nodes, shape and cost.
std::string tip_of(const Graph& graph, const Unit& unit);

// 5288548 -> "5.29 M".
std::string short_count(int64_t value);

}  // namespace netwright
