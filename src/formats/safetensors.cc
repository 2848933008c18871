#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <set>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "formats/file_io.h"
#include "formats/float_types.h"

namespace netwright {
namespace {

constexpr uint64_t kLengthSize = 8;
constexpr uint64_t kLargestHeader = 100'000'000;
constexpr const char* kMetadataKey = "__metadata__";

struct Dtype {
  std::string_view name;
  uint64_t bits;
};

// In the order of the reference's enumeration, by which its writer sorts.
constexpr std::array<Dtype, 22> kDtypes = {{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

const Dtype* find_dtype(std::string_view name) {
  const auto* found = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return d.name == name; });
  return found == kDtypes.end() ? nullptr : found;
}

// False when the product is too large for 64 bits.
bool count_bits(const Dtype& dtype, std::span<const int64_t> shape, uint64_t& bits) {
  bits = dtype.bits;
  uint64_t elements = 1;
  for (const int64_t extent : shape) {
    if (__builtin_mul_overflow(elements, static_cast<uint64_t>(extent), &elements)) return false;
  }
  return !__builtin_mul_overflow(bits, elements, &bits);
}

std::string read_header(const ReadOnlyFile& file) {
  const std::string& path = file.path();
  if (file.size() < kLengthSize) {
    fail("{}: not a safetensors file: {} bytes, expected at least {}", path, file.size(), kLengthSize);
  }
  std::array<char, kLengthSize> prefix{};
  file.read_at(0, prefix.data(), prefix.size());
  const auto length = load_little<uint64_t>(prefix.data());
  if (length > kLargestHeader) {
    fail("{}: not a safetensors file: a header of {} bytes, expected at most {}", path, length, kLargestHeader);
  }
  if (length > file.size() - kLengthSize) {
    fail("{}: cut short: a header of {} bytes in a file of {}", path, length, file.size());
  }
  std::string header(length, '\0');
  file.read_at(kLengthSize, header.data(), header.size());
  return header;
}

nlohmann::json parse_header(const std::string& path, const std::string& header) {
  if (!header.starts_with('{')) fail("{}: the header isn't a JSON object", path);
  std::set<std::string> names;
  const auto refuse_repeated = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key &&
        !names.insert(parsed.get_ref<const std::string&>()).second) {
      fail("{}: the header names {} twice", path, parsed.dump());
    }
    return true;
  };
  try {
    return nlohmann::json::parse(header, refuse_repeated);
  } catch (const nlohmann::json::exception& error) {
    fail("{}: the header isn't valid JSON: {}", path, error.what());
  }
}

std::map<std::string, std::string> parse_metadata(const std::string& path, const nlohmann::json& json) {
  std::map<std::string, std::string> metadata;
  if (json.is_null()) return metadata;
  if (!json.is_object()) fail("{}: {} isn't an object", path, kMetadataKey);
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) fail("{}: {} {} isn't a string", path, kMetadataKey, nlohmann::json(key).dump());
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// All of a JSON array that must hold whole numbers from 0.
std::vector<int64_t> parse_numbers(const nlohmann::json& entry, const char* field) {
  const auto found = entry.find(field);
  if (found == entry.end() || !found->is_array()) fail("{} isn't an array of whole numbers", field);
  std::vector<int64_t> numbers;
  for (const nlohmann::json& value : *found) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
      fail("{} has {}, expected a whole number from 0", field, value.dump());
    }
    numbers.push_back(value.get<int64_t>());
  }
  return numbers;
}

// Offset and size as yet relative to the end of the header.
SafeTensor parse_tensor(const std::string& name, const nlohmann::json& entry) {
  if (!entry.is_object()) fail("expected an object, found {}", entry.type_name());
  SafeTensor tensor;
  tensor.name = name;
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) fail("dtype is missing");
  tensor.dtype = dtype->get<std::string>();
  if (find_dtype(tensor.dtype) == nullptr) fail("unknown dtype {}", dtype->dump());
  tensor.shape = parse_numbers(entry, "shape");
  const std::vector<int64_t> offsets = parse_numbers(entry, "data_offsets");
  if (offsets.size() != 2) fail("data_offsets has {} numbers, expected 2", offsets.size());
  if (offsets[1] < offsets[0]) fail("data_offsets go from {} back to {}", offsets[0], offsets[1]);
  tensor.offset = static_cast<uint64_t>(offsets[0]);
  tensor.size = static_cast<uint64_t>(offsets[1] - offsets[0]);
  return tensor;
}

void check_layout(const std::string& path, const std::vector<SafeTensor>& tensors, uint64_t data_size) {
  uint64_t end = 0;
  for (const SafeTensor& tensor : tensors) {
    if (tensor.offset != end) {
      fail("{}: tensor {}: begins at {} of the data, expected {}", path, tensor.name, tensor.offset, end);
    }
    end = tensor.offset + tensor.size;
    uint64_t bits = 0;
    if (!count_bits(*find_dtype(tensor.dtype), tensor.shape, bits)) {
      fail("{}: tensor {}: its shape is impossibly large", path, tensor.name);
    }
    if (bits % 8 != 0) fail("{}: tensor {}: {} bits aren't whole bytes", path, tensor.name, bits);
    if (bits / 8 != tensor.size) {
      fail("{}: tensor {}: {} bytes of data, expected {} for its shape and {}", path, tensor.name, tensor.size,
           bits / 8, tensor.dtype);
    }
  }
  if (end != data_size) fail("{}: {} bytes of data, expected {}", path, data_size, end);
}

template <typename Stored>
void convert_ints(const std::string& raw, std::vector<int64_t>& target) {
  for (size_t i = 0; i < target.size(); ++i) {
    target[i] = static_cast<int64_t>(load_little<Stored>(raw.data() + sizeof(Stored) * i));
  }
}

struct IntType {
  std::string_view name;
  void (*convert)(const std::string&, std::vector<int64_t>&);
};
constexpr std::array<IntType, 8> kIntTypes = {{{"I64", convert_ints<int64_t>},
                                               {"I32", convert_ints<int32_t>},
                                               {"I16", convert_ints<int16_t>},
                                               {"I8", convert_ints<int8_t>},
                                               {"U32", convert_ints<uint32_t>},
                                               {"U16", convert_ints<uint16_t>},
                                               {"U8", convert_ints<uint8_t>},
                                               {"BOOL", convert_ints<uint8_t>}}};

struct FloatName {
  std::string_view name;
  FloatType type;
};
constexpr std::array<FloatName, 4> kFloatTypes = {{{"F32", FloatType::kFloat32},
                                                   {"F64", FloatType::kFloat64},
                                                   {"F16", FloatType::kFloat16},
                                                   {"BF16", FloatType::kBfloat16}}};

template <typename Table>
const auto& known_type(const Table& table, const std::string& path, const SafeTensor& tensor, const char* expected) {
  for (const auto& row : table) {
    if (row.name == tensor.dtype) return row;
  }
  fail("{}: tensor {}: is {}, expected {}", path, tensor.name, tensor.dtype, expected);
}

template <typename T>
std::vector<T> convert_tensor(const std::string& path, const SafeTensor& tensor, const std::string& raw) {
  const FloatName& row = known_type(kFloatTypes, path, tensor, "floating point");
  std::vector<T> values(tensor.size * 8 / find_dtype(tensor.dtype)->bits);
  convert_floats<T>(row.type, raw.data(), values);
  return values;
}

template <typename T>
std::string raw_bytes(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& path)
    : path_(path), file_(std::make_unique<ReadOnlyFile>(path)) {
  const std::string header = read_header(*file_);
  const nlohmann::json json = parse_header(path, header);
  for (const auto& [name, entry] : json.items()) {
    if (name == kMetadataKey) {
      metadata_ = parse_metadata(path, entry);
      continue;
    }
    try {
      tensors_.push_back(parse_tensor(name, entry));
    } catch (const Error& error) {
      fail("{}: tensor {}: {}", path, nlohmann::json(name).dump(), error.what());
    }
  }
  std::sort(tensors_.begin(), tensors_.end(), [](const SafeTensor& a, const SafeTensor& b) {
    return std::tie(a.offset, a.size, a.name) < std::tie(b.offset, b.size, b.name);
  });
  const uint64_t begin = kLengthSize + header.size();
  check_layout(path, tensors_, file_->size() - begin);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    tensors_[i].offset += begin;
    by_name_[tensors_[i].name] = i;
  }
}

SafetensorsReader::~SafetensorsReader() = default;
SafetensorsReader::SafetensorsReader(SafetensorsReader&&) noexcept = default;
SafetensorsReader& SafetensorsReader::operator=(SafetensorsReader&&) noexcept = default;

const SafeTensor* SafetensorsReader::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

const SafeTensor& SafetensorsReader::at(std::string_view name) const {
  const SafeTensor* tensor = find(name);
  if (tensor == nullptr) fail("{}: no tensor {}", path_, name);
  return *tensor;
}

std::string SafetensorsReader::read_raw(std::string_view name) const {
  const SafeTensor& tensor = at(name);
  std::string raw(tensor.size, '\0');
  file_->read_at(tensor.offset, raw.data(), raw.size());
  return raw;
}

std::vector<float> SafetensorsReader::read_floats(std::string_view name) const {
  return convert_tensor<float>(path_, at(name), read_raw(name));
}

std::vector<double> SafetensorsReader::read_doubles(std::string_view name) const {
  return convert_tensor<double>(path_, at(name), read_raw(name));
}

std::vector<int64_t> SafetensorsReader::read_ints(std::string_view name) const {
  const SafeTensor& tensor = at(name);
  const IntType& row = known_type(kIntTypes, path_, tensor, "a whole number of at most 64 bits");
  std::vector<int64_t> values(tensor.size * 8 / find_dtype(tensor.dtype)->bits);
  row.convert(read_raw(name), values);
  return values;
}

void SafetensorsWriter::set_metadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

void SafetensorsWriter::add(std::string name, std::string_view dtype, std::vector<int64_t> shape, std::string bytes) {
  const Dtype* known = find_dtype(dtype);
  if (known == nullptr) fail("safetensors: tensor {}: unknown dtype {}", name, dtype);
  uint64_t bits = 0;
  const bool negative = std::any_of(shape.begin(), shape.end(), [](int64_t extent) { return extent < 0; });
  if (negative || !count_bits(*known, shape, bits) || bits % 8 != 0 || bits / 8 != bytes.size()) {
    fail("safetensors: tensor {}: {} bytes don't fit its shape and {}", name, bytes.size(), dtype);
  }
  if (name == kMetadataKey || items_.contains(name)) fail("safetensors: tensor {}: the name is taken", name);
  items_[std::move(name)] = {static_cast<size_t>(known - kDtypes.data()), std::move(shape), std::move(bytes)};
}

void SafetensorsWriter::add_floats(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  add(std::move(name), "F32", std::move(shape), raw_bytes(values));
}

void SafetensorsWriter::add_doubles(std::string name, std::vector<int64_t> shape, std::span<const double> values) {
  add(std::move(name), "F64", std::move(shape), raw_bytes(values));
}

void SafetensorsWriter::add_ints(std::string name, std::vector<int64_t> shape, std::span<const int64_t> values) {
  add(std::move(name), "I64", std::move(shape), raw_bytes(values));
}

void SafetensorsWriter::write(const std::string& path) const {
  std::vector<const decltype(items_)::value_type*> order;
  for (const auto& item : items_) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->second.rank > b->second.rank; });
  std::vector<std::string> members;
  if (!metadata_.empty()) members.push_back(fmt::format("\"{}\":{}", kMetadataKey, nlohmann::json(metadata_).dump()));
  uint64_t end = 0;
  for (const auto* item : order) {
    const uint64_t begin = end;
    end += item->second.bytes.size();
    members.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                  nlohmann::json(item->first).dump(), kDtypes[item->second.rank].name,
                                  fmt::join(item->second.shape, ","), begin, end));
  }
  std::string header = fmt::format("{{{}}}", fmt::join(members, ","));
  header.resize((header.size() + 7) / 8 * 8, ' ');

  replace_file(path, [&](const std::string& name) {
    OutputFile file(name);
    std::string prefix;
    append_little<uint64_t>(prefix, header.size());
    file.write(prefix);
    file.write(header);
    for (const auto* item : order) file.write(item->second.bytes);
    file.sync();
    file.close();
  });
}

}  // namespace netwright
