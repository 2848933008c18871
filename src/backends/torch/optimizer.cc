#include "backends/torch/optimizer.h"

#include <ATen/ops/dot.h>

#include <algorithm>
#include <cmath>

#include "backends/torch/frame.h"
#include "core/error.h"

namespace netwright::torch_backend {
namespace {

void rmsprop(const OptimizerUpdate& update, FlatRange range) {
  const at::Tensor& values = torch_buffer(*update.values).tensor();
  const at::Tensor& gradients = torch_buffer(*update.gradients).tensor();
  const at::Tensor& squares = torch_buffer(*update.slots[0]).tensor();
  const at::Tensor& momenta = torch_buffer(*update.slots[1]).tensor();
  in_pieces(values, range, [&](FlatRange piece) {
    const at::Tensor g = slice(gradients, piece);
    at::Tensor ms = slice(squares, piece);
    at::Tensor mom = slice(momenta, piece);
    ms.add_(g.mul(g).sub_(ms).mul_(1.0F - update.decay));
    mom.mul_(update.momentum).add_(g.mul(update.learning_rate).div_(ms.add(update.epsilon).sqrt_()));
    slice(values, piece).sub_(mom);
  });
}

void momentum(const OptimizerUpdate& update, FlatRange range) {
  const at::Tensor& values = torch_buffer(*update.values).tensor();
  const at::Tensor& gradients = torch_buffer(*update.gradients).tensor();
  const at::Tensor& accumulators = torch_buffer(*update.slots[0]).tensor();
  in_pieces(values, range, [&](FlatRange piece) {
    at::Tensor accumulator = slice(accumulators, piece);
    accumulator.mul_(update.momentum).add_(slice(gradients, piece));
    slice(values, piece).sub_(accumulator.mul(update.learning_rate));
  });
}

// The rate is folded into the accumulator.
void lars_momentum(const OptimizerUpdate& update, FlatRange range, float rate, float decay) {
  at::Tensor w = slice(torch_buffer(*update.values).tensor(), range);
  at::Tensor mom = slice(torch_buffer(*update.slots[0]).tensor(), range);
  at::Tensor g = slice(torch_buffer(*update.gradients).tensor(), range);
  if (decay != 0.0F) g = g.add(w, decay);
  mom.mul_(update.momentum).add_(g.mul(rate));
  w.sub_(mom);
}

void lars(const OptimizerUpdate& update) {
  for (const FlatSegment& segment : update.segments) {
    if (!segment.adapted) {
      lars_momentum(update, segment.range, update.learning_rate, 0.0F);
      continue;
    }
    const auto weight_norm =
        static_cast<float>(std::sqrt(sum_of_squares(torch_buffer(*update.values).tensor(), segment.range)));
    const auto gradient_norm =
        static_cast<float>(std::sqrt(sum_of_squares(torch_buffer(*update.gradients).tensor(), segment.range)));
    float trust = 1.0F;
    if (weight_norm > 0.0F && gradient_norm > 0.0F) {
      trust = update.eta * weight_norm / (gradient_norm + update.lars_weight_decay * weight_norm + update.lars_epsilon);
    }
    lars_momentum(update, segment.range, update.learning_rate * trust, update.lars_weight_decay);
  }
}

}  // namespace

double sum_of_squares(const at::Tensor& flat, FlatRange range) {
  double sum = 0.0;
  in_pieces(flat, range, [&](FlatRange piece) {
    const at::Tensor part = slice(flat, piece);
    sum += at::dot(part, part).item().toDouble();
  });
  return sum;
}

at::Tensor slice(const at::Tensor& flat, FlatRange range) {
  return flat.narrow(0, range.begin, range.end - range.begin);
}

void apply_update(const OptimizerUpdate& update) {
  const at::Tensor& values = torch_buffer(*update.values).tensor();
  const at::Tensor& gradients = torch_buffer(*update.gradients).tensor();
  for (const L2Range& l2 : update.l2) {
    in_pieces(values, l2.range, [&](FlatRange piece) {
      slice(gradients, piece).add_(slice(values, piece), static_cast<float>(l2.coefficient));
    });
  }
  const FlatRange all{0, update.gradients->size()};
  switch (update.kind) {
    case OptimizerKind::kSgd:
      in_pieces(values, all,
                [&](FlatRange piece) { slice(values, piece).sub_(slice(gradients, piece).mul(update.learning_rate)); });
      break;
    case OptimizerKind::kMomentum:
      momentum(update, all);
      break;
    case OptimizerKind::kRmsProp:
      rmsprop(update, all);
      break;
    case OptimizerKind::kLars:
      lars(update);
      break;
  }
  update.values->touch();
}

void apply_average(FlatBuffer& averages, const FlatBuffer& values, float decay) {
  const at::Tensor& shadow = torch_buffer(averages).tensor();
  const at::Tensor& value = torch_buffer(values).tensor();
  in_pieces(shadow, {0, averages.size()}, [&](FlatRange piece) {
    at::Tensor s = slice(shadow, piece);
    s.sub_(s.sub(slice(value, piece)).mul_(1.0F - decay));
  });
  averages.touch();
}

}  // namespace netwright::torch_backend
