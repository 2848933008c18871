// The nine search-space definitions of TuNAS: three that leave decisions open, and six known networks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "models/spec.h"

namespace netwright {

struct SpaceDefinition {
  std::string_view name;   // as the original's --ssd: "proxylessnas_search"
  bool searchable;         // whether more than one network is in it
  bool like_mobilenet_v3;  // decides dropout and the latency that a search aims at
  Spec (*build)();
};

// In the original's order.
std::span<const SpaceDefinition> all_spaces();
// nullptr when there is none of that name; dashes count as underscores.
const SpaceDefinition* find_space(std::string_view name);
// Throws Error "Unsupported SSD" with the known names.
const SpaceDefinition& space_of(std::string_view name);

// The specification with the widths of every FILTERS node scaled by each of the multipliers (scale_filters with the
// specification's filters_base), each width once, ascending. Multiples of a layer's input width stay as they are.
Spec scale_widths(const Spec& spec, std::span<const double> multipliers);

}  // namespace netwright
