#include "train/metrics.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "formats/json_text.h"

namespace netwright {
namespace {

constexpr std::string_view kFile = "/metrics.jsonl";

// Nothing when the line isn't whole.
std::optional<nlohmann::json> parse_line(const std::string& line) {
  nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return std::nullopt;
  return json;
}

void keep_lines_until(const std::string& path, int64_t step) {
  if (!std::filesystem::exists(path)) return;
  std::string kept;
  const std::string content = read_file(path);
  for (const std::string& line : split(content, '\n')) {
    const std::optional<nlohmann::json> found = parse_line(line);
    if (found && found->at("step").get<int64_t>() <= step) kept += line + "\n";
  }
  if (kept != content) write_file_atomically(path, kept);
}

}  // namespace

MetricsLog::MetricsLog(const std::string& folder, int64_t step)
    : path_(folder + std::string(kFile)), events_(folder, step + 1) {
  keep_lines_until(path_, step);
  open();
}

MetricsLog::MetricsLog(const std::string& folder) : path_(folder + std::string(kFile)), events_(folder) { open(); }

MetricsLog::~MetricsLog() { std::fclose(file_); }

void MetricsLog::open() {
  file_ = std::fopen(path_.c_str(), "ae");
  if (file_ == nullptr) fail("{}: can't write: {}", path_, std::strerror(errno));
  // A line goes out at once, and of one that can't nothing is left to be written later.
  std::setvbuf(file_, nullptr, _IONBF, 0);
}

void MetricsLog::open_again_if_deleted() {
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored)) return;
  log_warning("{}: deleted by another process; its lines are lost, later ones go to a new file", path_);
  std::fclose(file_);
  open();
}

void MetricsLog::write(int64_t step, std::initializer_list<Metric> metrics, std::span<const MetricNote> notes) {
  nlohmann::ordered_json line = {{"step", step}};
  for (const Metric& metric : metrics) {
    line[std::string(metric.tag)] = metric.value;
    events_.scalar(metric.tag, metric.value, step);
  }
  for (const MetricNote& note : notes) line[std::string(note.name)] = note.text;
  const std::string text = json_text(line) + "\n";
  open_again_if_deleted();
  struct stat before {};
  if (fstat(fileno(file_), &before) != 0) fail("{}: can't write: {}", path_, std::strerror(errno));
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) {
    const std::string why = std::strerror(errno);
    // Nothing more can be done if this fails, too: the next run drops a line that isn't whole.
    [[maybe_unused]] const int ignored = ftruncate(fileno(file_), before.st_size);
    fail("{}: can't write: {}", path_, why);
  }
  events_.flush();
}

void MetricsLog::sync() {
  if (fdatasync(fileno(file_)) != 0) fail("{}: can't write: {}", path_, std::strerror(errno));
}

bool has_metrics(const std::string& folder, int64_t step, std::span<const MetricNote> notes) {
  const std::string path = folder + std::string(kFile);
  if (!std::filesystem::exists(path)) return false;
  return std::ranges::any_of(split(read_file(path), '\n'), [&](const std::string& text) {
    const std::optional<nlohmann::json> line = parse_line(text);
    return line && line->at("step") == step && std::ranges::all_of(notes, [&](const MetricNote& note) {
             const auto found = line->find(note.name);
             return found != line->end() && *found == note.text;
           });
  });
}

}  // namespace netwright
