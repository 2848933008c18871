#include "formats/event_file.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "formats/event.pb.h"
#include "formats/little_endian.h"
#include "formats/tensor_bundle.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

constexpr const char* kFileVersion = "brain.Event:2";
constexpr int kSessionStart = 1;  // SessionLog.START
constexpr int kRgb = 3;           // of an image's colorspace

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Unique in this process, and so in a folder with one writer at a time; names of later files sort behind earlier ones.
std::string new_file_name() {
  static std::atomic<int> counter{0};
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {"localhost"};
  return fmt::format("events.out.tfevents.{:010}.{}.{}.{}", static_cast<int64_t>(seconds_now()), host.data(), getpid(),
                     counter++);
}

// TensorBoard shows scalar tensors of floats; anything else under a scalar's tag is no scalar.
std::optional<double> scalar_of(const proto::EventTensor& tensor) {
  const std::string& content = tensor.tensor_content();
  if (tensor.tensor_shape().dim_size() != 0) return std::nullopt;
  switch (static_cast<DataType>(tensor.dtype())) {
    case DataType::kFloat:
      if (tensor.float_val_size() == 1) return tensor.float_val(0);
      if (content.size() == sizeof(float)) return load_little<float>(content.data());
      return std::nullopt;
    case DataType::kDouble:
      if (tensor.double_val_size() == 1) return tensor.double_val(0);
      if (content.size() == sizeof(double)) return load_little<double>(content.data());
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

void add_summary(const proto::Event& event, EventFile& file) {
  for (const proto::SummaryValue& value : event.summary().value()) {
    const auto add = [&](double scalar) {
      file.scalars.push_back({event.wall_time(), event.step(), value.tag(), scalar});
    };
    switch (value.value_case()) {
      case proto::SummaryValue::kSimpleValue:
        add(value.simple_value());
        break;
      case proto::SummaryValue::kTensor:
        if (const auto scalar = scalar_of(value.tensor())) {
          add(*scalar);
        } else {
          ++file.skipped["tensor"];
        }
        break;
      case proto::SummaryValue::kImage:
        ++file.skipped["image"];
        break;
      case proto::SummaryValue::kHisto:
        ++file.skipped["histo"];
        break;
      case proto::SummaryValue::kAudio:
        ++file.skipped["audio"];
        break;
      case proto::SummaryValue::VALUE_NOT_SET:
        ++file.skipped["none"];
        break;
    }
  }
}

void add_event(const proto::Event& event, EventFile& file) {
  switch (event.what_case()) {
    case proto::Event::kFileVersion:
      file.version = event.file_version();
      break;
    case proto::Event::kSummary:
      add_summary(event, file);
      break;
    case proto::Event::kGraphDef:
      ++file.skipped["graph_def"];
      break;
    case proto::Event::kLogMessage:
      ++file.skipped["log_message"];
      break;
    case proto::Event::kSessionLog:
      ++file.skipped["session_log"];
      break;
    case proto::Event::kTaggedRunMetadata:
      ++file.skipped["tagged_run_metadata"];
      break;
    case proto::Event::kMetaGraphDef:
      ++file.skipped["meta_graph_def"];
      break;
    case proto::Event::WHAT_NOT_SET:
      ++file.skipped["none"];
      break;
  }
}

}  // namespace

EventWriter::EventWriter(const std::string& folder, std::optional<int64_t> first_step) : folder_(folder) {
  make_writable_folder(folder_);
  open();
  if (!first_step) return;
  proto::Event event;
  event.set_wall_time(seconds_now());
  event.set_step(*first_step);
  event.mutable_session_log()->set_status(kSessionStart);
  write(event);
}

EventWriter::~EventWriter() {
  if (failed_) return;
  try {
    flush();
  } catch (const Error& error) {
    log_warning("{}", error.what());
  }
}

void EventWriter::open() {
  path_ = (std::filesystem::path(folder_) / new_file_name()).string();
  writer_ = std::make_unique<RecordWriter>(path_);
  proto::Event event;
  event.set_wall_time(seconds_now());
  event.set_file_version(kFileVersion);
  writer_->write(event.SerializeAsString());
  writer_->flush();
}

void EventWriter::write(const proto::Event& event) {
  try {
    writer_->write(event.SerializeAsString());
  } catch (const Error&) {
    failed_ = true;
    throw;
  }
}

void EventWriter::write(proto::SummaryValue value, std::string_view tag, int64_t step, double wall_time) {
  proto::Event event;
  event.set_wall_time(wall_time >= 0 ? wall_time : seconds_now());
  event.set_step(step);
  value.set_tag(std::string(tag));
  *event.mutable_summary()->add_value() = std::move(value);
  write(event);
}

void EventWriter::scalar(std::string_view tag, double value, int64_t step, double wall_time) {
  proto::SummaryValue point;
  point.set_simple_value(static_cast<float>(value));
  write(std::move(point), tag, step, wall_time);
}

void EventWriter::histogram(std::string_view tag, const Histogram& histogram, int64_t step, double wall_time) {
  proto::SummaryValue value;
  proto::HistogramProto& written = *value.mutable_histo();
  written.set_min(histogram.min);
  written.set_max(histogram.max);
  written.set_num(histogram.count);
  written.set_sum(histogram.sum);
  written.set_sum_squares(histogram.sum_of_squares);
  written.mutable_bucket_limit()->Assign(histogram.limits.begin(), histogram.limits.end());
  written.mutable_bucket()->Assign(histogram.buckets.begin(), histogram.buckets.end());
  write(std::move(value), tag, step, wall_time);
}

void EventWriter::image(std::string_view tag, int64_t height, int64_t width, std::string_view png, int64_t step,
                        double wall_time) {
  proto::SummaryValue value;
  proto::SummaryImage& written = *value.mutable_image();
  written.set_height(static_cast<int32_t>(height));
  written.set_width(static_cast<int32_t>(width));
  written.set_colorspace(kRgb);
  written.set_encoded_image_string(std::string(png));
  write(std::move(value), tag, step, wall_time);
}

void EventWriter::flush() {
  try {
    writer_->flush();
  } catch (const Error&) {
    failed_ = true;
    throw;
  }
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored)) return;
  log_warning("{}: deleted by another process; its points are lost, later ones go to a new file", path_);
  open();
}

EventFile read_events(const std::string& path) {
  RecordReader reader(path);
  EventFile file;
  for (std::string record; reader.next(record);) {
    proto::Event event;
    if (!event.ParseFromString(record)) {
      fail("{}: record {} at byte {}: not an event", path, reader.record_index(), reader.offset());
    }
    add_event(event, file);
  }
  return file;
}

}  // namespace netwright
