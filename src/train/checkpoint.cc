#include "train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "formats/checkpoint_state.h"
#include "formats/tensor_bundle.h"
#include "train/optimizer.h"
#include "train/weights.h"

namespace netwright {
namespace {

constexpr std::string_view kStep = "global_step";
constexpr std::string_view kPosition = "netwright/position";
constexpr std::string_view kSeed = "netwright/seed";
constexpr std::string_view kLossSum = "netwright/loss_sum";
constexpr std::string_view kLossCount = "netwright/loss_count";
constexpr std::string_view kBadRecords = "netwright/bad_records";  // a line each: index, blank, reason

// A buffer and what is appended to a variable's name for its tensors there.
struct Part {
  std::string suffix;
  FlatBuffer* buffer;
};

std::vector<Part> parts_of(const TrainingBuffers& buffers) {
  std::vector<Part> parts = {{"", buffers.values}};
  if (buffers.averages != nullptr) parts.push_back({std::string(kAverageSuffix), buffers.averages});
  const auto names = slot_names(buffers.optimizer);
  for (size_t i = 0; i < names.size(); ++i) {
    parts.push_back({"/" + std::string(names[i].suffix), buffers.slots[i]});
  }
  return parts;
}

// A tensor as the file holds it; the bytes lie elsewhere.
struct Entry {
  std::string name;
  DataType dtype;
  Shape shape;
  std::string_view bytes;
};

template <typename T>
std::string_view bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

template <typename T>
Entry scalar(std::string_view name, DataType dtype, const T& value) {
  return {std::string(name), dtype, {}, bytes_of(std::span<const T>(&value, 1))};
}

void write_bad_records(BundleWriter& writer, const BadRecordList& bad_records) {
  std::vector<std::string> lines;
  for (const BadRecord& bad : bad_records) lines.push_back(fmt::format("{} {}", bad.index, bad.reason));
  const auto count = static_cast<int64_t>(lines.size());
  writer.add_strings(kBadRecords, {&count, 1}, lines);
}

BadRecordList read_bad_records(const BundleReader& reader) {
  BadRecordList bad_records;
  if (!reader.contains(kBadRecords)) return bad_records;
  for (const std::string& line : reader.read_strings(kBadRecords)) {
    BadRecord bad;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), bad.index);
    if (error != std::errc() || *end != ' ') fail("{}: {} has the line `{}`", reader.prefix(), kBadRecords, line);
    bad.reason = end + 1;
    bad_records.push_back(std::move(bad));
  }
  return bad_records;
}

void write_entries(const std::string& prefix, std::vector<Entry> entries, const BadRecordList& bad_records) {
  // As TensorFlow's saver does.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  BundleWriter writer(prefix);
  for (const Entry& entry : entries) writer.add(entry.name, entry.dtype, entry.shape, entry.bytes);
  if (!bad_records.empty()) write_bad_records(writer, bad_records);
  writer.finish();
}

double read_double_scalar(const BundleReader& reader, std::string_view name) {
  const std::string bytes = reader.read_raw(name);
  double value = 0.0;
  if (bytes.size() != sizeof(value)) fail("{}: {} is not one float64", reader.prefix(), name);
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

void update_state(const std::string& model_dir, const std::string& prefix, int keep) {
  CheckpointState state = read_checkpoint_state(model_dir).value_or(CheckpointState{});
  std::erase_if(state.all, [&](const std::string& old) {
    return std::filesystem::path(old).filename() == std::filesystem::path(prefix).filename();
  });
  state.all.push_back(prefix);
  state.latest = prefix;
  std::vector<std::string> dropped;
  while (state.all.size() > static_cast<size_t>(keep)) {
    dropped.push_back(state.all.front());
    state.all.erase(state.all.begin());
  }
  write_checkpoint_state(model_dir, state);
  for (const std::string& old : dropped) remove_checkpoint(old);
}

}  // namespace

void save_checkpoint(const std::string& model_dir, const TrainingBuffers& buffers, const TrainingProgress& progress,
                     int keep) {
  const std::vector<Part> parts = parts_of(buffers);
  std::vector<std::vector<float>> host(parts.size());
  std::vector<Entry> entries;
  for (size_t p = 0; p < parts.size(); ++p) {
    host[p].resize(static_cast<size_t>(parts[p].buffer->size()));
    parts[p].buffer->download(0, host[p]);
    for (const FlatTensor& tensor : buffers.layout->tensors()) {
      if (tensor.offset >= parts[p].buffer->size()) continue;  // slots have no moving statistics
      const auto values =
          std::span<const float>(host[p]).subspan(static_cast<size_t>(tensor.offset), static_cast<size_t>(tensor.size));
      entries.push_back({tensor.name + parts[p].suffix, DataType::kFloat, tensor.shape, bytes_of(values)});
    }
  }
  entries.push_back(scalar(kStep, DataType::kInt64, progress.step));
  entries.push_back(scalar(kPosition, DataType::kInt64, progress.position));
  entries.push_back(scalar(kSeed, DataType::kInt64, progress.seed));
  entries.push_back(scalar(kLossSum, DataType::kDouble, progress.loss_sum));
  entries.push_back(scalar(kLossCount, DataType::kInt64, progress.loss_count));
  const std::string prefix = fmt::format("{}/model.ckpt-{}", model_dir, progress.step);
  write_entries(prefix, std::move(entries), progress.bad_records);
  update_state(model_dir, prefix, keep);
}

TrainingProgress restore_checkpoint(const std::string& prefix, const TrainingBuffers& buffers,
                                    const TrainingProgress& fresh, int64_t batch) {
  const std::unique_ptr<TensorFile> file = open_tensor_file(prefix);
  const std::vector<Part> parts = parts_of(buffers);
  std::vector<WantedTensor> all;
  std::vector<std::vector<WantedTensor>> wanted(parts.size());
  for (size_t p = 0; p < parts.size(); ++p) {
    for (const FlatTensor& tensor : buffers.layout->tensors()) {
      if (tensor.offset < parts[p].buffer->size()) wanted[p].push_back({tensor.name + parts[p].suffix, &tensor});
    }
    all.insert(all.end(), wanted[p].begin(), wanted[p].end());
  }
  check_tensors(*file, *buffers.layout, all);
  const BundleReader reader(prefix);
  if (!reader.contains(kStep)) fail("{}: holds no {}", prefix, kStep);
  for (size_t p = 0; p < parts.size(); ++p) {
    std::vector<float> host(static_cast<size_t>(parts[p].buffer->size()), 0.0F);
    for (const WantedTensor& want : wanted[p]) {
      const auto offset = static_cast<size_t>(want.tensor->offset);
      file->read(want.name, std::span(host).subspan(offset, static_cast<size_t>(want.tensor->size)));
    }
    parts[p].buffer->upload(0, host);
  }
  TrainingProgress progress = fresh;
  progress.step = reader.read_int64_scalar(kStep);
  progress.position = progress.step * batch;
  if (!reader.contains(kPosition)) return progress;
  progress.position = reader.read_int64_scalar(kPosition);
  progress.seed = static_cast<uint64_t>(reader.read_int64_scalar(kSeed));
  progress.loss_sum = read_double_scalar(reader, kLossSum);
  progress.loss_count = reader.read_int64_scalar(kLossCount);
  progress.bad_records = read_bad_records(reader);
  return progress;
}

}  // namespace netwright
