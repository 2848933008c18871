#include "train/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <fmt/ranges.h>

#include "core/error.h"

namespace netwright {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"exponential", "cosine", "constant", "poly", "cosine_after_warmup"};

// The original's fixed end of `poly`, whatever the initial rate is.
constexpr float kPolyEnd = 0.1F;
constexpr float kPi = 3.14159265358979323846F;

float exponential(const ScheduleSettings& settings, int64_t step) {
  const auto stair = static_cast<float>(settings.steps_per_epoch * settings.decay_epochs);
  const float stairs = std::floor(static_cast<float>(step) / stair);
  return static_cast<float>(settings.initial_rate) * std::pow(static_cast<float>(settings.decay_factor), stairs);
}

float cosine(const ScheduleSettings& settings, int64_t step) {
  const float angle = kPi * static_cast<float>(step) / static_cast<float>(settings.total_steps);
  return static_cast<float>(0.5 * settings.initial_rate) * (1.0F + std::cos(angle));
}

float cosine_after_warmup(const ScheduleSettings& settings, int64_t step) {
  const int64_t warmup = warmup_steps(settings);
  const int64_t length = settings.total_steps - warmup;
  if (length <= 0) return 0.0F;
  // The original's graph divides by `length`; TensorFlow's optimiser made one factor of all that is constant.
  const float angle_of_step = kPi * (1.0F / static_cast<float>(length));
  const float angle = static_cast<float>(std::min(step - warmup, length)) * angle_of_step;
  return static_cast<float>(settings.initial_rate) * (0.5F * (1.0F + std::cos(angle)));
}

float poly(const ScheduleSettings& settings, int64_t step) {
  const auto warmup = static_cast<int64_t>(settings.steps_per_epoch * settings.warmup_epochs);
  const auto length = static_cast<float>(settings.total_steps - warmup + 1);
  const float done = std::min(static_cast<float>(std::max<int64_t>(1, step - warmup)), length);
  const float left = 1.0F - done / length;
  return (static_cast<float>(settings.initial_rate) - kPolyEnd) * std::pow(left, 2.0F) + kPolyEnd;
}

float rate_of(const ScheduleSettings& settings, int64_t step) {
  const int64_t warmup = warmup_steps(settings);
  if (step < warmup) {
    return static_cast<float>(settings.initial_rate) * static_cast<float>(step) / static_cast<float>(warmup);
  }
  switch (settings.kind) {
    case ScheduleKind::kExponential:
      return exponential(settings, step);
    case ScheduleKind::kCosine:
      return cosine(settings, step);
    case ScheduleKind::kConstant:
      return static_cast<float>(settings.initial_rate);
    case ScheduleKind::kPoly:
      return poly(settings, step);
    case ScheduleKind::kCosineAfterWarmup:
      return cosine_after_warmup(settings, step);
  }
  fail("unknown schedule");
}

}  // namespace

std::string_view to_string(ScheduleKind kind) { return kNames[static_cast<size_t>(kind)]; }

ScheduleKind parse_schedule(std::string_view text) {
  const auto* found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) {
    fail("learning rate schedule \"{}\" is not known; there are {}", text, fmt::join(kNames, ", "));
  }
  return static_cast<ScheduleKind>(found - kNames.begin());
}

void check_schedule(const ScheduleSettings& settings) {
  const bool needs_epoch = settings.kind == ScheduleKind::kExponential || settings.kind == ScheduleKind::kPoly ||
                           settings.warmup_epochs != 0.0;
  if (needs_epoch && !(settings.steps_per_epoch > 0.0)) {
    fail("the {} schedule with {} epochs of warm-up needs the number of steps in an epoch", to_string(settings.kind),
         settings.warmup_epochs);
  }
  const bool needs_total = settings.kind != ScheduleKind::kExponential && settings.kind != ScheduleKind::kConstant;
  if (needs_total && settings.total_steps <= 0) {
    fail("the {} schedule needs the number of training steps", to_string(settings.kind));
  }
}

int64_t warmup_steps(const ScheduleSettings& settings) {
  return static_cast<int64_t>(settings.warmup_epochs * settings.steps_per_epoch);
}

float learning_rate(const ScheduleSettings& settings, int64_t step) {
  check_schedule(settings);
  const auto least = static_cast<float>(settings.least_share * settings.initial_rate);
  return std::max(rate_of(settings, step), least);
}

float average_decay(double decay, int64_t updates) {
  const auto count = static_cast<float>(updates);
  return std::min(static_cast<float>(decay), (1.0F + count) / (10.0F + count));
}

}  // namespace netwright
