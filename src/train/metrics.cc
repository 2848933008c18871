#include "train/metrics.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace netwright {
namespace {

constexpr std::string_view kFile = "/metrics.jsonl";

// The step of a line; nothing when the line isn't whole.
std::optional<int64_t> step_of(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return std::nullopt;
  return json["step"].get<int64_t>();
}

void keep_lines_until(const std::string& path, int64_t step) {
  if (!std::filesystem::exists(path)) return;
  std::string kept;
  const std::string content = read_file(path);
  for (const std::string& line : split(content, '\n')) {
    const std::optional<int64_t> found = step_of(line);
    if (found && *found <= step) kept += line + "\n";
  }
  if (kept != content) write_file_atomically(path, kept);
}

}  // namespace

MetricsLog::MetricsLog(const std::string& folder, int64_t step) : path_(folder + std::string(kFile)), events_(folder) {
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

void MetricsLog::write(int64_t step, std::initializer_list<Metric> metrics) {
  nlohmann::ordered_json line = {{"step", step}};
  for (const Metric& metric : metrics) {
    line[std::string(metric.tag)] = metric.value;
    events_.scalar(metric.tag, metric.value, step);
  }
  const std::string text = line.dump() + "\n";
  const auto before = std::filesystem::file_size(path_);
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) {
    const std::string why = std::strerror(errno);
    std::error_code ignored;
    std::filesystem::resize_file(path_, before, ignored);
    fail("{}: can't write: {}", path_, why);
  }
  events_.flush();
}

void MetricsLog::sync() {
  if (fdatasync(fileno(file_)) != 0) fail("{}: can't write: {}", path_, std::strerror(errno));
}

int64_t last_metrics_step(const std::string& folder) {
  const std::string path = folder + std::string(kFile);
  if (!std::filesystem::exists(path)) return -1;
  int64_t last = -1;
  for (const std::string& line : split(read_file(path), '\n')) last = std::max(last, step_of(line).value_or(-1));
  return last;
}

}  // namespace netwright
