// The tensors of PyTorch's files (.pth, .pt), of its zip form and of the one before 1.6, read without Python. Source:
// shared spec formats.md, section 8.2; pytorch/pytorch torch/serialization.py.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct PickleTensor;

struct TorchTensor {
  std::string name;            // the keys that lead to it, with points between them: "state_dict.conv_stem.weight"
  std::string dtype;           // "F32", "I64", ... as safetensors calls them
  std::vector<int64_t> shape;  // empty for a scalar
};

// Opening reads everything but the values, and checks that they lie inside the file. Values that aren't tensors
// (epochs, names) are left out. Every Error is one line that names the file: no such form, damage, a zip or a tensor
// that claims what isn't there, a pickle with anything but tensors and plain containers. For one thread at a time.
class TorchReader {
 public:
  explicit TorchReader(const std::string& path);
  ~TorchReader();
  TorchReader(TorchReader&&) noexcept;
  TorchReader& operator=(TorchReader&&) noexcept;

  // In the order of the file.
  const std::vector<TorchTensor>& tensors() const { return tensors_; }
  // Null when there is no such tensor.
  const TorchTensor* find(std::string_view name) const;
  // Row-major, whatever the strides in the file; `values` has exactly the tensor's elements. Error for what isn't
  // floating point.
  void read_floats(std::string_view name, std::span<float> values) const;

 private:
  class Storages;
  class ZipStorages;
  class StreamStorages;

  void add(std::string name, const PickleTensor& tensor);

  std::string path_;
  std::unique_ptr<Storages> storages_;
  std::vector<TorchTensor> tensors_;
  std::vector<PickleTensor> views_;  // of the same index
  std::map<std::string, size_t, std::less<>> by_name_;
};

}  // namespace netwright
