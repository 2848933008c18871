// Numbers of a run over its steps: metrics.jsonl for scripts and an event file for TensorBoard.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "formats/event_file.h"

namespace netwright {

// A number under its TensorBoard tag.
struct Metric {
  std::string_view tag;
  double value;
};

// A text of a line of metrics.jsonl, which the events don't have.
struct MetricNote {
  std::string_view name;
  std::string text;
};

class MetricsLog {
 public:
  // Appends to FOLDER/metrics.jsonl (made if missing). Lines of steps after `step`, which a run that died has left, and
  // a line cut short are removed first: the run does these steps again.
  MetricsLog(const std::string& folder, int64_t step);
  // Appends only: for those who don't own the run.
  explicit MetricsLog(const std::string& folder);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  // One line {"step": ..., TAG: ..., NAME: ...} and a point a tag. Throws Error when the disk is full; no part of the
  // line is then left. If another process has deleted the file, warns and goes on in a new one.
  void write(int64_t step, std::initializer_list<Metric> metrics, std::span<const MetricNote> notes = {});
  // Waits until all is on the disk.
  void sync();
  // For what metrics.jsonl doesn't hold: histograms and pictures.
  EventWriter& events() { return events_; }

 private:
  void open();
  void open_again_if_deleted();

  std::string path_;
  std::FILE* file_ = nullptr;
  EventWriter events_;
};

// Whether FOLDER/metrics.jsonl has a line of this step with all these notes.
bool has_metrics(const std::string& folder, int64_t step, std::span<const MetricNote> notes);

}  // namespace netwright
