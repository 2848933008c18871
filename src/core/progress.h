// Progress of long work: one line redrawn on a terminal, plain lines at intervals elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace netwright {

// Clears the progress line that is on the terminal, if any, so that other output does not run into it.
void clear_progress_line();

// Seconds as a person reads them: "42s", "3m05s", "2h10m".
std::string format_duration(double seconds);

// Shows how far work has come: count, rate, time left and what the caller adds (loss, share of waiting).
// Not thread-safe; one at a time.
class Progress {
 public:
  // `what` names the work ("training"), `unit` what is counted ("images"), `total` how many there are (0 = unknown),
  // `done` how many were there before this process began (a resumed run).
  Progress(std::string what, std::string unit, int64_t total, int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whether an update would be drawn now: at most ten times a second on a terminal, where the line is cut to its width,
  // and once in ten seconds elsewhere.
  bool is_due() const;
  // `done` counts from the beginning of the work.
  void update(int64_t done, std::string_view note = {});
  // Ends the line; on a terminal the last state stays visible.
  void finish();
  // Units a second since the start, not counting what a resumed run had already.
  double rate() const;

 private:
  void draw(std::string_view note);

  using Clock = std::chrono::steady_clock;
  std::string what_;
  std::string unit_;
  int64_t total_;
  int64_t begin_;
  int64_t done_;
  Clock::time_point start_;
  Clock::time_point drawn_;
  std::string note_;
  bool finished_ = false;
};

}  // namespace netwright
