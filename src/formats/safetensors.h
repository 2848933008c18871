// safetensors files. Source: shared spec formats.md, section 8.1.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

class ReadOnlyFile;

struct SafeTensor {
  std::string name;
  std::string dtype;           // "F32", "I64", ... as in the file
  std::vector<int64_t> shape;  // empty for a scalar
  uint64_t offset = 0;         // of the first byte, from the beginning of the file
  uint64_t size = 0;           // bytes
};

// Opening checks the whole header in the order of the reference implementation, and that names are unique; each Error
// is one line that names the file. Const members may be called by several threads at once.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::string& path);
  ~SafetensorsReader();
  SafetensorsReader(SafetensorsReader&&) noexcept;
  SafetensorsReader& operator=(SafetensorsReader&&) noexcept;

  // In the order of their data.
  const std::vector<SafeTensor>& tensors() const { return tensors_; }
  // Null when there is no such tensor.
  const SafeTensor* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // Values, row-major. Floats and doubles from F64, F32, F16 and BF16; integers from I64, I32, I16, I8, U32, U16, U8
  // and BOOL; Error for another type or an unknown name.
  std::vector<float> read_floats(std::string_view name) const;
  std::vector<double> read_doubles(std::string_view name) const;
  std::vector<int64_t> read_ints(std::string_view name) const;
  // As stored, little-endian.
  std::string read_raw(std::string_view name) const;

 private:
  const SafeTensor& at(std::string_view name) const;

  std::string path_;
  std::unique_ptr<ReadOnlyFile> file_;
  std::vector<SafeTensor> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

// Collects tensors and writes them as the reference does: by descending dtype, then by name.
class SafetensorsWriter {
 public:
  void set_metadata(std::string key, std::string value);
  // `bytes` are little-endian, row-major. Throws Error for a name given twice, an unknown dtype and a size that doesn't
  // fit the shape.
  void add(std::string name, std::string_view dtype, std::vector<int64_t> shape, std::string bytes);
  void add_floats(std::string name, std::vector<int64_t> shape, std::span<const float> values);
  void add_doubles(std::string name, std::vector<int64_t> shape, std::span<const double> values);
  void add_ints(std::string name, std::vector<int64_t> shape, std::span<const int64_t> values);

  // Replaces `path` atomically.
  void write(const std::string& path) const;

 private:
  struct Item {
    size_t rank;  // of the dtype in the reference's enumeration
    std::vector<int64_t> shape;
    std::string bytes;
  };
  std::map<std::string, Item> items_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace netwright
