#include "train/weights.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "formats/checkpoint_state.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"

namespace netwright {
namespace {

constexpr std::string_view kStepName = "global_step";
constexpr std::string_view kOwnPrefix = "netwright/";
constexpr size_t kListed = 10;  // names in a message

class BundleFile : public TensorFile {
 public:
  explicit BundleFile(const std::string& prefix) : reader_(prefix) {}

  const std::string& path() const override { return reader_.prefix(); }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const TensorInfo& tensor : reader_.tensors()) names.push_back(tensor.name);
    return names;
  }
  std::optional<Shape> shape(std::string_view name) const override {
    const TensorInfo* tensor = reader_.find(name);
    if (tensor == nullptr) return std::nullopt;
    return Shape(tensor->shape.begin(), tensor->shape.end());
  }
  void read(std::string_view name, std::span<float> values) const override { reader_.read_floats(name, values); }
  std::optional<int64_t> step() const override {
    if (!reader_.contains(kStepName)) return std::nullopt;
    return reader_.read_int64_scalar(kStepName);
  }

 private:
  BundleReader reader_;
};

class SafetensorsFile : public TensorFile {
 public:
  explicit SafetensorsFile(const std::string& path) : path_(path), reader_(path) {}

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const SafeTensor& tensor : reader_.tensors()) names.push_back(tensor.name);
    return names;
  }
  std::optional<Shape> shape(std::string_view name) const override {
    const SafeTensor* tensor = reader_.find(name);
    if (tensor == nullptr) return std::nullopt;
    return Shape(tensor->shape.begin(), tensor->shape.end());
  }
  void read(std::string_view name, std::span<float> values) const override {
    const std::vector<float> read = reader_.read_floats(name);
    std::copy(read.begin(), read.end(), values.begin());
  }
  std::optional<int64_t> step() const override {
    const SafeTensor* tensor = reader_.find(kStepName);
    if (tensor == nullptr || tensor->dtype != "I64") return std::nullopt;
    return reader_.read_ints(kStepName).at(0);
  }

 private:
  std::string path_;
  SafetensorsReader reader_;
};

std::string text_of(const Shape& shape) { return shape_text(shape); }

// "; 12 missing: a, b, ..." with up to `most` names; "" for none.
std::string listed(std::string_view what, const std::vector<std::string>& names, size_t most) {
  if (names.empty()) return "";
  const std::string list = join(std::span(names).first(std::min(most, names.size())), ", ");
  return fmt::format("; {} {}: {}{}", names.size(), what, list, names.size() > most ? ", ..." : "");
}

// VARIABLE/SLOT goes with its variable.
bool is_extra(const std::string& name, const TensorFile& file, const ParameterLayout& layout) {
  const size_t slash = name.rfind('/');
  if (slash == std::string::npos || name.starts_with(kOwnPrefix)) return false;
  const std::string variable = name.substr(0, slash);
  return layout.find(name) == nullptr && layout.find(variable) == nullptr && !file.shape(variable);
}

bool has_averages(const TensorFile& file, const ParameterLayout& layout) {
  return std::any_of(layout.tensors().begin(), layout.tensors().end(), [&](const FlatTensor& tensor) {
    return file.shape(tensor.name + std::string(kAverageSuffix)).has_value();
  });
}

}  // namespace

std::unique_ptr<TensorFile> open_tensor_file(const std::string& path) {
  if (path.ends_with(".safetensors")) return std::make_unique<SafetensorsFile>(path);
  return std::make_unique<BundleFile>(resolve_checkpoint(path));
}

void check_tensors(const TensorFile& file, const ParameterLayout& layout, std::span<const WantedTensor> wanted) {
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::vector<std::string> extra;
  for (const WantedTensor& want : wanted) {
    const std::optional<Shape> shape = file.shape(want.name);
    if (!shape) {
      missing.push_back(want.name);
    } else if (*shape != want.tensor->shape) {
      misshapen.push_back(
          fmt::format("{} is {}, expected {}", want.name, text_of(*shape), text_of(want.tensor->shape)));
    }
  }
  for (const std::string& name : file.names()) {
    if (is_extra(name, file, layout)) extra.push_back(name);
  }
  if (missing.empty() && misshapen.empty() && extra.empty()) return;
  const size_t kinds = (missing.empty() ? 0 : 1) + (misshapen.empty() ? 0 : 1) + (extra.empty() ? 0 : 1);
  const size_t most = kListed / kinds;
  fail("{}: is not a checkpoint of this network{}{}{}", file.path(), listed("missing", missing, most),
       listed("of another shape", misshapen, most), listed("extra", extra, most));
}

LoadedWeights load_weights(const ParameterLayout& layout, const std::string& path, std::optional<bool> average) {
  const std::unique_ptr<TensorFile> file = open_tensor_file(path);
  LoadedWeights loaded;
  loaded.path = file->path();
  loaded.step = file->step();
  const bool there = has_averages(*file, layout);
  if (average.value_or(false) && !there) {
    fail("{}: holds no moving averages (NAME{}); --noaverage takes the weights themselves", loaded.path,
         kAverageSuffix);
  }
  loaded.averaged = average.value_or(there);
  std::vector<WantedTensor> wanted;
  for (const FlatTensor& tensor : layout.tensors()) {
    wanted.push_back({loaded.averaged ? tensor.name + std::string(kAverageSuffix) : tensor.name, &tensor});
  }
  check_tensors(*file, layout, wanted);
  loaded.values.assign(static_cast<size_t>(layout.size()), 0.0F);
  for (const WantedTensor& want : wanted) {
    file->read(want.name,
               std::span(loaded.values)
                   .subspan(static_cast<size_t>(want.tensor->offset), static_cast<size_t>(want.tensor->size)));
  }
  return loaded;
}

LoadedWeights load_newest_weights(const ParameterLayout& layout, const std::string& model_dir,
                                  std::optional<bool> average) {
  for (;;) {
    const std::optional<CheckpointState> before = read_checkpoint_state(model_dir);
    try {
      return load_weights(layout, model_dir, average);
    } catch (const Error&) {
      const std::optional<CheckpointState> now = read_checkpoint_state(model_dir);
      if (!before || !now || now->latest == before->latest) throw;
    }
  }
}

}  // namespace netwright
