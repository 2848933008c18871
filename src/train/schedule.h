// Learning rate and averaging decay as functions of the step. Source: shared spec efficientnet.md, 4.3 and 4.5;
// mnasnet.md, 4.
#pragma once

#include <cstdint>
#include <string_view>

namespace netwright {

enum class ScheduleKind { kExponential, kCosine, kConstant, kPoly, kCosineAfterWarmup };

// "exponential", "cosine", "constant", "poly", "cosine_after_warmup" (TuNAS's: the half wave begins where the warm-up
// ends, and the rate stays 0 after total_steps). Parsing throws Error for anything else.
std::string_view to_string(ScheduleKind kind);
ScheduleKind parse_schedule(std::string_view text);

struct ScheduleSettings {
  ScheduleKind kind = ScheduleKind::kExponential;
  double initial_rate = 0.0;     // for the whole batch: the base rate per 256 images x batch / 256
  double steps_per_epoch = 0.0;  // training images / batch, not rounded; 0: not known
  double decay_factor = 0.97;    // exponential
  double decay_epochs = 2.4;     // exponential: epochs of one stair
  int64_t total_steps = 0;       // cosines and poly: steps until the end of training; 0: not known
  double warmup_epochs = 5.0;    // 0: no warm-up
  double least_share = 0.0;      // of the initial rate, below which no rate falls (spec amoebanet 4.6)
};

// Throws Error when the schedule lacks what it needs: steps_per_epoch for exponential, poly and any warm-up,
// total_steps for cosine and poly.
void check_schedule(const ScheduleSettings& settings);

// Steps of the warm-up: warmup_epochs x steps_per_epoch, truncated.
int64_t warmup_steps(const ScheduleSettings& settings);

// The rate of the update that begins with `step` updates done, in the originals' float32 arithmetic. Warm-up replaces
// the schedule and does not shift it: the first rate is 0, and stairs are counted from step 0. Throws as
// check_schedule.
float learning_rate(const ScheduleSettings& settings, int64_t step);

// min(decay, (1 + n) / (10 + n)) in float32; n = updates done, the present one included.
float average_decay(double decay, int64_t updates);

}  // namespace netwright
