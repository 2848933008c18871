// TensorBoard event files: scalars, histograms and pictures are written, scalars are read. Source: shared spec
// formats.md, section 4.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/histogram.h"

namespace netwright {

namespace proto {
class Event;
class SummaryValue;
}  // namespace proto
class RecordWriter;

// Writes events.out.tfevents.SECONDS.HOST.PID.N into a folder (made if missing). One live writer a folder; steps should
// grow within a tag, as TensorBoard drops later points of a smaller step. Not thread-safe.
class EventWriter {
 public:
  // `first_step`: a run begins, or goes on, with this step: TensorBoard drops the points of earlier files from there
  // on.
  explicit EventWriter(const std::string& folder, std::optional<int64_t> first_step = std::nullopt);
  // Flushes; an error then is a warning in the log, unless the same was thrown before.
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // Adds a point at the present time, or at `wall_time` (seconds since 1970) if that is not negative.
  void scalar(std::string_view tag, double value, int64_t step, double wall_time = -1.0);
  void histogram(std::string_view tag, const Histogram& histogram, int64_t step, double wall_time = -1.0);
  // An RGB picture as a PNG file. TensorBoard expects tags that end in "/image".
  void image(std::string_view tag, int64_t height, int64_t width, std::string_view png, int64_t step,
             double wall_time = -1.0);
  // Writes all to the disk. If another process has deleted the file, warns and goes on in a new one.
  void flush();
  const std::string& path() const { return path_; }

 private:
  void open();
  void write(const proto::Event& event);
  void write(proto::SummaryValue value, std::string_view tag, int64_t step, double wall_time);

  std::string folder_;
  std::string path_;
  std::unique_ptr<RecordWriter> writer_;
  bool failed_ = false;
};

struct ScalarEvent {
  double wall_time = 0.0;  // seconds since 1970
  int64_t step = 0;
  std::string tag;
  double value = 0.0;
};

struct EventFile {
  std::string version;  // "brain.Event:2"
  std::vector<ScalarEvent> scalars;
  // How many of each other kind were skipped: "graph_def", "meta_graph_def", "session_log", "log_message",
  // "tagged_run_metadata", and summary values "histo", "image", "audio", "tensor", "none".
  std::map<std::string, int64_t> skipped;
};

// Reads a whole event file: simple values and scalar tensors. Throws Error as RecordReader does.
EventFile read_events(const std::string& path);

}  // namespace netwright
