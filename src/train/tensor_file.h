// Named tensors of any file that holds weights.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/shape.h"

namespace netwright {

inline constexpr std::string_view kNotePrefix = "netwright/note/";

class TensorFile {
 public:
  virtual ~TensorFile() = default;
  virtual const std::string& path() const = 0;
  virtual std::vector<std::string> names() const = 0;
  // Null when there is no such tensor.
  virtual std::optional<Shape> shape(std::string_view name) const = 0;
  // `values` has exactly the tensor's elements. Throws Error for what isn't floats and for damage.
  virtual void read(std::string_view name, std::span<float> values) const = 0;
  // global_step, if it is there.
  virtual std::optional<int64_t> step() const { return std::nullopt; }
  // What the file says about itself under `key`: a safetensors file's metadata, a checkpoint's string kNotePrefix +
  // key.
  virtual std::optional<std::string> note(std::string_view /*key*/) const { return std::nullopt; }
};

// `path`: a .safetensors file, a file of PyTorch's (known by its first bytes), a folder with checkpoints (its newest),
// a checkpoint's prefix or one of its files.
std::unique_ptr<TensorFile> open_tensor_file(const std::string& path);

}  // namespace netwright
