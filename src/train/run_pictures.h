// What a run shows in TensorBoard beside its numbers: histograms of weights and gradients, a look at its first batch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/pipeline.h"
#include "engine/backend.h"
#include "formats/event_file.h"

namespace netwright {

// A histogram of each trainable tensor in the buffer (values, gradients or slots), tagged GROUP/NAME.
void write_histograms(EventWriter& events, std::string_view group, const ParameterLayout& layout,
                      const FlatBuffer& buffer, int64_t step);

// The batch's pictures on one sheet, at most 64, as they were before normalisation, each with its class; tagged
// "first_batch/image". `class_names` may be empty: numbers are shown.
void write_first_batch(EventWriter& events, const Batch& batch, const InputSpec& spec,
                       const std::vector<std::string>& class_names, int64_t step);

}  // namespace netwright
