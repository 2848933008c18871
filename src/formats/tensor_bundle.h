// TensorBundle: TensorFlow's checkpoints, PREFIX.index and PREFIX.data-?????-of-?????. Source: shared spec formats.md,
// section 3.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// TensorFlow's numbers.
enum class DataType : int {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kComplex64 = 8,
  kInt64 = 9,
  kBool = 10,
  kBfloat16 = 14,
  kUint16 = 17,
  kComplex128 = 18,
  kHalf = 19,
  kUint32 = 22,
  kUint64 = 23,
};

// NumPy's names: "float32", "int64", "string"; "dtype 21" for one that isn't listed above.
std::string data_type_name(DataType type);
// Bytes an element; 0 for strings and types that aren't listed above.
size_t data_type_size(DataType type);

struct TensorInfo {
  std::string name;
  DataType dtype = DataType::kFloat;
  std::vector<int64_t> shape;  // empty for a scalar
  bool operator==(const TensorInfo&) const = default;
};

// Product of the extents; 1 for a scalar.
int64_t element_count(std::span<const int64_t> shape);
// "[3,3,32,64]".
std::string shape_text(std::span<const int64_t> shape);

// Reads a checkpoint, sharded or not. Opening reads the whole index, opens every data file and checks that the entries
// lie inside; the read functions check each tensor's CRC. Const members may be called by several threads at once.
// Every Error names the file and, where there is one, the tensor.
class BundleReader {
 public:
  explicit BundleReader(const std::string& prefix);
  ~BundleReader();
  BundleReader(BundleReader&&) noexcept;
  BundleReader& operator=(BundleReader&&) noexcept;

  const std::string& prefix() const;
  // All tensors, sorted by name. A partitioned variable is listed once, with its full shape.
  const std::vector<TensorInfo>& tensors() const;
  // Null when there is no such tensor.
  const TensorInfo* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  // Names ordered by where the values lie (data file, offset): the order in which they were saved.
  std::vector<std::string> names_in_data_order() const;

  // Values as floats, row-major: float32, and float64, float16 and bfloat16 converted. Error for another type.
  std::vector<float> read_floats(std::string_view name) const;
  // The same into place; `values` must have exactly the tensor's elements.
  void read_floats(std::string_view name, std::span<float> values) const;
  // Values as they are stored, little-endian, row-major; for strings use read_strings.
  std::string read_raw(std::string_view name) const;
  // The one value of an int64 or int32 tensor with one element.
  int64_t read_int64_scalar(std::string_view name) const;
  std::vector<std::string> read_strings(std::string_view name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Writes a checkpoint with one data file, so that a process that dies at any moment leaves the old checkpoint of this
// prefix or none: values go to a temporary file, finish() syncs and renames it, then does the same for the index.
class BundleWriter {
 public:
  explicit BundleWriter(const std::string& prefix);
  // Without finish() nothing is left.
  ~BundleWriter();
  BundleWriter(const BundleWriter&) = delete;
  BundleWriter& operator=(const BundleWriter&) = delete;

  // Values lie in the file in the order of these calls. `bytes` are little-endian, row-major. Throws Error for a name
  // given twice, an empty one, a size that doesn't fit the shape, and a full disk.
  void add(std::string_view name, DataType dtype, std::span<const int64_t> shape, std::string_view bytes);
  void add_floats(std::string_view name, std::span<const int64_t> shape, std::span<const float> values);
  void add_int64_scalar(std::string_view name, int64_t value);
  void add_strings(std::string_view name, std::span<const int64_t> shape, std::span<const std::string> values);

  // Makes the checkpoint appear; nothing can be added afterwards.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace netwright
