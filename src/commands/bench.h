// What the `bench` commands share: rounds of steps, memory, and how they are shown.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/flags.h"
#include "engine/backend.h"
#include "engine/profile.h"

namespace netwright {

struct BenchChoice {
  int64_t batch = 16;
  int64_t steps = 5;  // a round
  int64_t rounds = 5;
  int64_t warmup = 2;  // steps
  bool json = false;
};

// --batch, --steps, --rounds, --warmup, --json.
void declare_bench_flags(Flags& flags, BenchChoice& choice);

// Rates of equal rounds of work.
struct Rates {
  int64_t batch = 0;
  int64_t steps = 0;            // a round
  std::vector<double> seconds;  // of each round

  double images_per_second(double round_seconds) const;
  double best() const;    // seconds of the fastest round
  double median() const;  // of an even number the mean of the middle two
};

// Runs `warmup` steps, then the rounds. `finish` waits until the steps begun are done; `ready` runs before the first
// round.
Rates measure_rounds(const BenchChoice& choice, const std::function<void()>& step, const std::function<void()>& finish,
                     const std::function<void()>& ready);

// Growth of this process' memory since construction.
class MemoryMeter {
 public:
  MemoryMeter();
  int64_t growth() const;  // bytes, at the peak

 private:
  int64_t before_;
  bool peak_is_ours_;
};

struct MemoryReport {
  int64_t predicted = 0;  // bytes: the plan's peak and the flat buffers
  int64_t measured = 0;   // bytes: growth of the process' memory, of a GPU what tensors took; 0: not known
  int64_t tensors = 0;    // bytes: the most that the backend's tensors took
};

// Work beside the program's steps that a profile lists: "optimizer".
struct ProfilePart {
  std::string name;
  double seconds = 0.0;
};

struct BenchReport {
  std::string command;  // "train"
  std::string model;
  std::string precision;  // "" where nothing is computed
  std::string device;
  Shape input_shape;
  Rates rates;
  std::optional<MemoryReport> memory;
  // With --profile: by kind of operator, the longest steps, the rest; sums over `profiled_steps` steps.
  std::vector<Profile::Row> kinds;
  std::vector<Profile::Row> longest;
  std::vector<ProfilePart> parts;
  int64_t profiled_steps = 0;
};

// As tables, or as JSON.
void print_report(const BenchReport& report, bool json);

}  // namespace netwright
