// Optimisers and averages over flat buffers.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/backend.h"

namespace netwright::torch_backend {

at::Tensor slice(const at::Tensor& flat, FlatRange range);

void apply_update(const OptimizerUpdate& update);
void apply_average(FlatBuffer& averages, const FlatBuffer& values, float decay);

}  // namespace netwright::torch_backend
