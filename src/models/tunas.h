// TuNAS's networks: members of its search spaces and the known networks that it compares with.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/mobile_spec.h"
#include "models/registry.h"
#include "models/spec.h"

namespace netwright {

// The stand-alone network of a specification with nothing left open, as the original trains it: 1001 classes, 224 x 224
// pixels unless asked. Of the options it knows classes, size, dropout, batch norm's constants and filters_multiplier.
// Throws Error for others and as build_tower. `name` becomes the graph's, `dropout_rate` counts when the options have
// none.
Graph build_tunas(std::string_view name, const Spec& spec, const ModelOptions& options, double dropout_rate = 0.0);

// The specification with its widths scaled as the options ask.
Spec scaled_spec(const Spec& spec, const ModelOptions& options);

// The dropout rate of the original's runs of 360 epochs: 0.25 for the MobileNetV3-like spaces, else 0.15.
double dropout_of(const SpaceDefinition& space);

// The member of a space that the indices choose; throws Error as check_indices.
Spec member_spec(const SpaceDefinition& space, const std::vector<int64_t>& indices);

// The space of a registry's row: of its name, with or without "tunas-" in front.
const SpaceDefinition& space_of_model(const ModelInfo& model);

// The registry's builder.
Graph build_named_tunas(const ModelInfo& model, const ModelOptions& options);

}  // namespace netwright
