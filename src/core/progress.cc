#include "core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace netwright {
namespace {

constexpr size_t kUsualWidth = 80;

bool on_terminal() { return isatty(STDERR_FILENO) != 0; }

// Columns that a line may have so that the cursor stays in it.
size_t line_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col - 1U;
  const char* columns = std::getenv("COLUMNS");
  const int64_t asked = columns != nullptr ? std::strtoll(columns, nullptr, 10) : 0;
  return asked > 1 ? static_cast<size_t>(asked - 1) : kUsualWidth - 1;
}

// At most so many bytes, and no part of a character.
void cut(std::string& line, size_t width) {
  if (line.size() <= width) return;
  while (width > 0 && (static_cast<unsigned char>(line[width]) & 0xc0) == 0x80) --width;
  line.resize(width);
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

bool Progress::is_due() const {
  const auto interval = on_terminal() ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  return Clock::now() - drawn_ >= interval;
}

void Progress::update(int64_t done, std::string_view note) {
  done_ = done;
  note_ = note;
  if (!is_due()) return;
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
    cut(line, line_width());
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
