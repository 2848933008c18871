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

// What the readers have in common.
template <typename Reader>
class ReaderFile : public TensorFile {
 public:
  explicit ReaderFile(const std::string& path) : path_(path), reader_(path) {}

  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& tensor : reader_.tensors()) names.push_back(tensor.name);
    return names;
  }
  std::optional<Shape> shape(std::string_view name) const override {
    const auto* tensor = reader_.find(name);
    if (tensor == nullptr) return std::nullopt;
    return Shape(tensor->shape.begin(), tensor->shape.end());
  }

 protected:
  const Reader& reader() const { return reader_; }

 private:
  std::string path_;
  Reader reader_;
};

class BundleFile : public ReaderFile<BundleReader> {
 public:
  using ReaderFile::ReaderFile;

  void read(std::string_view name, std::span<float> values) const override { reader().read_floats(name, values); }
  std::optional<int64_t> step() const override {
    if (!reader().contains(kStepName)) return std::nullopt;
    return reader().read_int64_scalar(kStepName);
  }
  std::optional<std::string> note(std::string_view key) const override {
    const std::string name = std::string(kNotePrefix) + std::string(key);
    if (!reader().contains(name)) return std::nullopt;
    return reader().read_strings(name).at(0);
  }
};

class SafetensorsFile : public ReaderFile<SafetensorsReader> {
 public:
  using ReaderFile::ReaderFile;

  void read(std::string_view name, std::span<float> values) const override {
    const std::vector<float> read = reader().read_floats(name);
    std::copy(read.begin(), read.end(), values.begin());
  }
  std::optional<int64_t> step() const override {
    const SafeTensor* tensor = reader().find(kStepName);
    if (tensor == nullptr || tensor->dtype != "I64") return std::nullopt;
    return reader().read_ints(kStepName).at(0);
  }
  std::optional<std::string> note(std::string_view key) const override {
    const auto found = reader().metadata().find(std::string(key));
    if (found == reader().metadata().end()) return std::nullopt;
    return found->second;
  }
};

class TorchFile : public ReaderFile<TorchReader> {
 public:
  using ReaderFile::ReaderFile;

  void read(std::string_view name, std::span<float> values) const override { reader().read_floats(name, values); }
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
