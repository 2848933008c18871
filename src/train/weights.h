// Weights of a network from files: checkpoints of ours and of TensorFlow, safetensors with TensorFlow's names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/parameters.h"

namespace netwright {

inline constexpr std::string_view kAverageSuffix = "/ExponentialMovingAverage";

// Named tensors of a file of either kind.
class TensorFile {
 public:
  virtual ~TensorFile() = default;
  virtual const std::string& path() const = 0;
  virtual std::vector<std::string> names() const = 0;
  // Null when there is no such tensor.
  virtual std::optional<Shape> shape(std::string_view name) const = 0;
  // `values` has exactly the tensor's elements. Throws Error for what isn't floats and for damage.
  virtual void read(std::string_view name, std::span<float> values) const = 0;
  virtual std::optional<int64_t> step() const = 0;  // global_step, if it is there
};

// `path`: a .safetensors file, a folder with checkpoints (its newest), a checkpoint's prefix or one of its files.
std::unique_ptr<TensorFile> open_tensor_file(const std::string& path);

// A tensor that a file must have, and where it goes.
struct WantedTensor {
  std::string name;
  const FlatTensor* tensor = nullptr;
};

// Throws Error of one line that lists what is missing, extra or of another shape, ten names at most. Extra are
// variables that the layout doesn't have; their slots (VARIABLE/SLOT), names without a "/" and our own (netwright/...)
// don't count.
void check_tensors(const TensorFile& file, const ParameterLayout& layout, std::span<const WantedTensor> wanted);

struct LoadedWeights {
  std::vector<float> values;  // layout.size() elements, padding zero
  std::string path;
  std::optional<int64_t> step;
  bool averaged = false;
};

// All variables of the layout. `average`: true takes each from NAME/ExponentialMovingAverage, false from NAME; when not
// said, averages if the file has them.
LoadedWeights load_weights(const ParameterLayout& layout, const std::string& path, std::optional<bool> average);

// Those of the newest checkpoint of a run that may be training: one that a newer one replaces while it is read, and
// that is deleted, is no error.
LoadedWeights load_newest_weights(const ParameterLayout& layout, const std::string& model_dir,
                                  std::optional<bool> average);

}  // namespace netwright
