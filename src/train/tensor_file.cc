#include "train/tensor_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "formats/checkpoint_state.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"
#include "formats/torch_file.h"

namespace netwright {
namespace {

constexpr std::string_view kStepName = "global_step";

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
  std::optional<std::string> note(std::string_view key) const override {
    const auto found = reader_.metadata().find(std::string(key));
    if (found == reader_.metadata().end()) return std::nullopt;
    return found->second;
  }

 private:
  std::string path_;
  SafetensorsReader reader_;
};

class TorchFile : public TensorFile {
 public:
  explicit TorchFile(const std::string& path) : path_(path), reader_(path) {}

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const TorchTensor& tensor : reader_.tensors()) names.push_back(tensor.name);
    return names;
  }
  std::optional<Shape> shape(std::string_view name) const override {
    const TorchTensor* tensor = reader_.find(name);
    if (tensor == nullptr) return std::nullopt;
    return Shape(tensor->shape.begin(), tensor->shape.end());
  }
  void read(std::string_view name, std::span<float> values) const override { reader_.read_floats(name, values); }

 private:
  std::string path_;
  TorchReader reader_;
};

bool is_torch_file(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return false;
  std::string begin(4, '\0');
  std::ifstream(path, std::ios::binary).read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin == "PK\x03\x04" || begin.starts_with("\x80\x02") || path.ends_with(".pth") || path.ends_with(".pt");
}

}  // namespace

std::unique_ptr<TensorFile> open_tensor_file(const std::string& path) {
  if (path.ends_with(".safetensors")) return std::make_unique<SafetensorsFile>(path);
  if (is_torch_file(path)) return std::make_unique<TorchFile>(path);
  return std::make_unique<BundleFile>(resolve_checkpoint(path));
}

}  // namespace netwright
