#include <array>

#include <fmt/format.h>

#include "formats/tensor_bundle.h"

namespace netwright {
namespace {

struct TypeRow {
  DataType type;
  const char* name;
  size_t size;
};

constexpr std::array<TypeRow, 16> kTypes = {{
    {DataType::kFloat, "float32", 4},
    {DataType::kDouble, "float64", 8},
    {DataType::kInt32, "int32", 4},
    {DataType::kUint8, "uint8", 1},
    {DataType::kInt16, "int16", 2},
    {DataType::kInt8, "int8", 1},
    {DataType::kString, "string", 0},
    {DataType::kComplex64, "complex64", 8},
    {DataType::kInt64, "int64", 8},
    {DataType::kBool, "bool", 1},
    {DataType::kBfloat16, "bfloat16", 2},
    {DataType::kUint16, "uint16", 2},
    {DataType::kComplex128, "complex128", 16},
    {DataType::kHalf, "float16", 2},
    {DataType::kUint32, "uint32", 4},
    {DataType::kUint64, "uint64", 8},
}};

const TypeRow* find_row(DataType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

}  // namespace

std::string data_type_name(DataType type) {
  const TypeRow* row = find_row(type);
  return row != nullptr ? row->name : fmt::format("dtype {}", static_cast<int>(type));
}

size_t data_type_size(DataType type) {
  const TypeRow* row = find_row(type);
  return row != nullptr ? row->size : 0;
}

int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

std::string shape_text(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ",")); }

}  // namespace netwright
