#include "core/progress.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

namespace netwright {
namespace {

bool on_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  return terminal;
}

std::atomic<bool> line_is_drawn{false};

}  // namespace

void clear_progress_line() {
  if (line_is_drawn.exchange(false)) std::fputs("\r\033[K", stderr);
}

std::string format_duration(double seconds) {
  const auto total = std::llround(seconds);
  if (total < 60) return fmt::format("{}s", total);
  if (total < 3600) return fmt::format("{}m{:02}s", total / 60, total % 60);
  return fmt::format("{}h{:02}m", total / 3600, total % 3600 / 60);
}

Progress::Progress(std::string what, std::string unit, int64_t total, int64_t done)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      begin_(done),
      done_(done),
      start_(Clock::now()),
      drawn_(start_) {}

Progress::~Progress() { finish(); }

double Progress::rate() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  return seconds > 0 ? static_cast<double>(done_ - begin_) / seconds : 0.0;
}

void Progress::update(int64_t done, std::string_view note) {
  done_ = done;
  note_ = note;
  const auto interval = on_terminal() ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  if (Clock::now() - drawn_ < interval) return;
  drawn_ = Clock::now();
  draw(note);
}

void Progress::draw(std::string_view note) {
  const double per_second = rate();
  std::string line = total_ > 0 ? fmt::format("{} {}/{} {} ({:.0f}%)", what_, done_, total_, unit_,
                                              100.0 * static_cast<double>(done_) / static_cast<double>(total_))
                                : fmt::format("{} {} {}", what_, done_, unit_);
  line += fmt::format(", {:.{}f} {}/s", per_second, per_second < 10 ? 2 : 0, unit_);
  if (total_ > done_ && per_second > 0) {
    line += ", " + format_duration(static_cast<double>(total_ - done_) / per_second) + " left";
  }
  if (!note.empty()) line += fmt::format(", {}", note);
  if (on_terminal()) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    line_is_drawn = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (done_ == begin_) return;
  draw(note_);
  if (line_is_drawn.exchange(false)) std::fputc('\n', stderr);
}

}  // namespace netwright
