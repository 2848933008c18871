// Optimisers and averages over flat buffers.
#pragma once

#include <algorithm>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include "engine/backend.h"

namespace netwright::torch_backend {

at::Tensor slice(const at::Tensor& flat, FlatRange range);

// On a CPU the buffers are walked in pieces that stay in the cache over the few operators of an update.
inline constexpr int64_t kPiece = 1 << 15;

template <typename Body>
void in_pieces(const at::Tensor& like, FlatRange range, Body body) {
  const int64_t step = like.device().is_cpu() ? kPiece : range.end - range.begin;
  for (int64_t begin = range.begin; begin < range.end; begin += step) {
    body(FlatRange{begin, std::min(begin + step, range.end)});
  }
}

// Pieces are added up in double: one float32 sum over millions of elements loses the fifth digit.
double sum_of_squares(const at::Tensor& flat, FlatRange range);

void apply_update(const OptimizerUpdate& update);
void apply_average(FlatBuffer& averages, const FlatBuffer& values, float decay);

}  // namespace netwright::torch_backend
