#include <algorithm>
#include <map>

#include "core/error.h"
#include "formats/bundle_index.h"
#include "formats/crc32c.h"
#include "formats/file_io.h"
#include "formats/float_types.h"
#include "formats/tensor_bundle.h"
#include "formats/tensor_bundle.pb.h"
#include "formats/varint.h"

namespace netwright {
namespace {

constexpr int kOurVersion = 1;
constexpr int kBigEndian = 1;
// More elements than this can't be meant, and sizes in bytes below it can't overflow.
constexpr int64_t kMostElements = int64_t{1} << 56;

std::vector<int64_t> shape_of(const proto::TensorShape& message) {
  std::vector<int64_t> shape;
  for (const proto::TensorShape::Dim& dim : message.dim()) shape.push_back(dim.size());
  return shape;
}

bool is_possible(const proto::TensorShape& shape) {
  int64_t count = 1;
  for (const proto::TensorShape::Dim& dim : shape.dim()) {
    if (dim.size() < 0 || __builtin_mul_overflow(count, dim.size(), &count) || count > kMostElements) return false;
  }
  return !shape.unknown_rank();
}

bool is_complex(DataType type) { return type == DataType::kComplex64 || type == DataType::kComplex128; }

void swap_bytes(char* bytes, size_t size, size_t width) {
  for (size_t i = 0; i + width <= size; i += width) std::reverse(bytes + i, bytes + i + width);
}

// A part of a partitioned variable, with whole axes filled in.
struct Part {
  std::string key;
  std::vector<int64_t> start;
  std::vector<int64_t> extent;
};

bool overlap(const Part& a, const Part& b) {
  for (size_t i = 0; i < a.start.size(); ++i) {
    if (a.start[i] + a.extent[i] <= b.start[i] || b.start[i] + b.extent[i] <= a.start[i]) return false;
  }
  return true;
}

// Copies a dense part to its place in the dense whole.
void place(const Part& part, std::span<const int64_t> shape, size_t item, const std::string& from, std::string& to) {
  const size_t axes = shape.size();
  const size_t run = static_cast<size_t>(part.extent.back()) * item;
  if (from.empty()) return;
  std::vector<int64_t> index(axes, 0);
  for (size_t read = 0; read < from.size(); read += run) {
    size_t target = 0;
    for (size_t i = 0; i < axes; ++i) {
      target = target * static_cast<size_t>(shape[i]) + static_cast<size_t>(part.start[i] + index[i]);
    }
    from.copy(to.data() + target * item, run, read);
    for (size_t i = axes - 1; i-- > 0;) {
      if (++index[i] < part.extent[i]) break;
      index[i] = 0;
    }
  }
}

}  // namespace

struct BundleReader::State {
  explicit State(const std::string& given);

  void read_header(const std::string& bytes);
  void add_entry(const std::string& key, const std::string& bytes);
  // Also checks what needs the whole index: that slices fit their variable.
  void open_shards();
  void check_place(const std::string& name, const proto::BundleEntry& entry) const;
  void check_parts(const std::string& name, const proto::BundleEntry& entry) const;

  [[noreturn]] void refuse(const std::string& path, std::string_view name, std::string_view what) const {
    fail("{}: tensor {}: {}", path, name, what);
  }
  std::string shard_path(int shard) const { return fmt::format("{}.data-{:05}-of-{:05}", prefix, shard, shards); }
  const proto::BundleEntry& entry(std::string_view name) const;
  // Error for an entry that isn't floating point.
  FloatType float_type(std::string_view name, const proto::BundleEntry& entry) const;
  // Reads the entry's bytes into place and checks their CRC.
  void read_stored(std::string_view name, const proto::BundleEntry& entry, char* target) const;
  std::vector<Part> parts_of(std::string_view name, const proto::BundleEntry& entry) const;
  std::string read_partitioned(std::string_view name, const proto::BundleEntry& entry) const;

  std::string prefix;
  std::string index_path;
  int shards = 0;
  bool big_endian = false;
  std::vector<TensorInfo> infos;
  std::map<std::string, proto::BundleEntry, std::less<>> entries;  // of tensors and of slices
  std::map<int, std::unique_ptr<ReadOnlyFile>> files;
};

BundleReader::State::State(const std::string& given) : prefix(given), index_path(given + ".index") {
  const auto table = read_table(index_path);
  if (table.empty() || !table.front().first.empty()) fail("{}: no header: not a checkpoint's index", index_path);
  read_header(table.front().second);
  for (size_t i = 1; i < table.size(); ++i) add_entry(table[i].first, table[i].second);
  open_shards();
}

void BundleReader::State::read_header(const std::string& bytes) {
  proto::BundleHeader header;
  if (!header.ParseFromString(bytes)) fail("{}: its header doesn't parse", index_path);
  const auto& bad = header.version().bad_consumers();
  if (header.version().min_consumer() > kOurVersion || std::count(bad.begin(), bad.end(), kOurVersion) > 0) {
    fail("{}: written in a later format: it asks for readers of version {}, this one has {}", index_path,
         header.version().min_consumer(), kOurVersion);
  }
  if (header.num_shards() < 0) fail("{}: its header counts {} data files", index_path, header.num_shards());
  shards = header.num_shards();
  big_endian = header.endianness() == kBigEndian;
}

void BundleReader::State::add_entry(const std::string& key, const std::string& bytes) {
  const bool is_slice = key.front() == '\0';
  const std::string name = is_slice ? "(a slice)" : key;
  proto::BundleEntry entry;
  if (!entry.ParseFromString(bytes)) refuse(index_path, name, "its entry doesn't parse");
  if (!is_possible(entry.shape())) refuse(index_path, name, "impossible shape");
  if (entry.slices().empty()) check_place(name, entry);
  if (!is_slice) infos.push_back({key, static_cast<DataType>(entry.dtype()), shape_of(entry.shape())});
  entries.emplace(key, std::move(entry));
}

void BundleReader::State::check_place(const std::string& name, const proto::BundleEntry& entry) const {
  if (entry.shard_id() < 0 || entry.shard_id() >= shards) {
    refuse(index_path, name, fmt::format("in data file {} of {}", entry.shard_id(), shards));
  }
  if (entry.offset() < 0 || entry.size() < 0) refuse(index_path, name, "impossible offset or size");
  const auto type = static_cast<DataType>(entry.dtype());
  const std::vector<int64_t> shape = shape_of(entry.shape());
  const int64_t count = element_count(shape);
  if (type == DataType::kString) {
    if (entry.size() < count) refuse(index_path, name, fmt::format("{} bytes for {} strings", entry.size(), count));
    return;
  }
  const auto item = static_cast<int64_t>(data_type_size(type));
  if (item != 0 && entry.size() != count * item) {
    refuse(index_path, name,
           fmt::format("{} bytes, expected {} for {} of shape {}", entry.size(), count * item, data_type_name(type),
                       shape_text(shape)));
  }
}

void BundleReader::State::open_shards() {
  for (const auto& [key, entry] : entries) {
    if (!entry.slices().empty()) {
      check_parts(key, entry);
      continue;
    }
    auto& file = files[entry.shard_id()];
    if (!file) file = std::make_unique<ReadOnlyFile>(shard_path(entry.shard_id()));
    const auto offset = static_cast<uint64_t>(entry.offset());
    const auto size = static_cast<uint64_t>(entry.size());
    if (offset > file->size() || size > file->size() - offset) {
      refuse(file->path(), key.front() == '\0' ? "(a slice)" : key,
             fmt::format("cut short: {} bytes at byte {} expected, the file has {}", size, offset, file->size()));
    }
  }
}

const proto::BundleEntry& BundleReader::State::entry(std::string_view name) const {
  const auto found = entries.find(name);
  if (found == entries.end() || name.empty() || name.front() == '\0') fail("{}: no tensor {}", index_path, name);
  return found->second;
}

FloatType BundleReader::State::float_type(std::string_view name, const proto::BundleEntry& entry) const {
  static const std::map<DataType, FloatType> kFloatTypes = {{DataType::kFloat, FloatType::kFloat32},
                                                            {DataType::kDouble, FloatType::kFloat64},
                                                            {DataType::kHalf, FloatType::kFloat16},
                                                            {DataType::kBfloat16, FloatType::kBfloat16}};
  const auto type = static_cast<DataType>(entry.dtype());
  const auto known = kFloatTypes.find(type);
  if (known == kFloatTypes.end()) {
    refuse(index_path, name, fmt::format("is {}, expected floating point", data_type_name(type)));
  }
  return known->second;
}

void BundleReader::State::read_stored(std::string_view name, const proto::BundleEntry& entry, char* target) const {
  const auto type = static_cast<DataType>(entry.dtype());
  const ReadOnlyFile& file = *files.at(entry.shard_id());
  const auto size = static_cast<size_t>(entry.size());
  file.read_at(static_cast<uint64_t>(entry.offset()), target, size);
  const uint32_t crc = crc32c_mask(crc32c({target, size}));
  if (crc != entry.crc32c()) {
    refuse(file.path(), name, fmt::format("damaged: its CRC is {:08x}, stored {:08x}", crc, entry.crc32c()));
  }
  const size_t item = data_type_size(type);
  if (big_endian && item > 1) swap_bytes(target, size, is_complex(type) ? item / 2 : item);
}

std::vector<Part> BundleReader::State::parts_of(std::string_view name, const proto::BundleEntry& entry) const {
  const std::vector<int64_t> shape = shape_of(entry.shape());
  std::vector<Part> parts;
  for (const proto::TensorSlice& slice : entry.slices()) {
    if (static_cast<size_t>(slice.extent_size()) != shape.size() || shape.empty()) {
      refuse(index_path, name, "a slice of another rank");
    }
    Part part;
    std::vector<SliceExtent> extents;
    for (int i = 0; i < slice.extent_size(); ++i) {
      const proto::TensorSlice::Extent& extent = slice.extent(i);
      const bool whole = extent.has_length_case() == proto::TensorSlice::Extent::HAS_LENGTH_NOT_SET;
      extents.push_back(whole ? SliceExtent{} : SliceExtent{extent.start(), extent.length()});
      part.start.push_back(whole ? 0 : extent.start());
      part.extent.push_back(whole ? shape[i] : extent.length());
      if (part.start[i] < 0 || part.extent[i] < 0 || part.start[i] > shape[i] - part.extent[i]) {
        refuse(index_path, name, "a slice outside its shape");
      }
    }
    part.key = slice_key(name, extents);
    parts.push_back(std::move(part));
  }
  return parts;
}

void BundleReader::State::check_parts(const std::string& name, const proto::BundleEntry& entry) const {
  constexpr int kMostSlices = 10'000;  // each is compared with all others
  if (entry.slices_size() > kMostSlices) refuse(index_path, name, fmt::format("{} slices", entry.slices_size()));
  const std::vector<Part> parts = parts_of(name, entry);
  int64_t covered = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    covered += element_count(parts[i].extent);
    for (size_t j = 0; j < i; ++j) {
      if (overlap(parts[i], parts[j])) refuse(index_path, name, "its slices overlap");
    }
    const auto found = entries.find(parts[i].key);
    if (found == entries.end()) refuse(index_path, name, "a slice is missing");
    const proto::BundleEntry& part = found->second;
    if (!part.slices().empty() || shape_of(part.shape()) != parts[i].extent || part.dtype() != entry.dtype()) {
      refuse(index_path, name, "a slice of another shape or type");
    }
  }
  const int64_t count = element_count(shape_of(entry.shape()));
  if (covered != count) refuse(index_path, name, fmt::format("its slices hold {} of {} elements", covered, count));
}

std::string BundleReader::State::read_partitioned(std::string_view name, const proto::BundleEntry& entry) const {
  const std::vector<int64_t> shape = shape_of(entry.shape());
  const size_t item = data_type_size(static_cast<DataType>(entry.dtype()));
  if (item == 0) refuse(index_path, name, "can't put this type together from slices");
  std::string whole(static_cast<size_t>(element_count(shape)) * item, '\0');
  for (const Part& part : parts_of(name, entry)) {
    const proto::BundleEntry& stored = entries.at(part.key);
    std::string bytes(static_cast<size_t>(stored.size()), '\0');
    read_stored(name, stored, bytes.data());
    place(part, shape, item, bytes, whole);
  }
  return whole;
}

BundleReader::BundleReader(const std::string& prefix) : state_(std::make_unique<State>(prefix)) {}
BundleReader::~BundleReader() = default;
BundleReader::BundleReader(BundleReader&&) noexcept = default;
BundleReader& BundleReader::operator=(BundleReader&&) noexcept = default;

const std::string& BundleReader::prefix() const { return state_->prefix; }
const std::vector<TensorInfo>& BundleReader::tensors() const { return state_->infos; }

const TensorInfo* BundleReader::find(std::string_view name) const {
  const auto& infos = state_->infos;
  const auto found = std::lower_bound(infos.begin(), infos.end(), name,
                                      [](const TensorInfo& info, std::string_view key) { return info.name < key; });
  return found == infos.end() || found->name != name ? nullptr : &*found;
}

std::vector<std::string> BundleReader::names_in_data_order() const {
  // A partitioned variable lies where its first slice does.
  const auto key_of = [&](const TensorInfo& info) {
    const proto::BundleEntry* entry = &state_->entry(info.name);
    if (!entry->slices().empty()) entry = &state_->entries.at(state_->parts_of(info.name, *entry).front().key);
    return std::pair(entry->shard_id(), entry->offset());
  };
  std::vector<std::pair<std::pair<int, int64_t>, std::string>> order;
  for (const TensorInfo& info : state_->infos) order.emplace_back(key_of(info), info.name);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (auto& [key, name] : order) names.push_back(std::move(name));
  return names;
}

std::string BundleReader::read_raw(std::string_view name) const {
  const proto::BundleEntry& entry = state_->entry(name);
  if (static_cast<DataType>(entry.dtype()) == DataType::kString) {
    state_->refuse(state_->index_path, name, "holds strings, expected numbers");
  }
  if (!entry.slices().empty()) return state_->read_partitioned(name, entry);
  std::string bytes(static_cast<size_t>(entry.size()), '\0');
  state_->read_stored(name, entry, bytes.data());
  return bytes;
}

std::vector<float> BundleReader::read_floats(std::string_view name) const {
  const proto::BundleEntry& entry = state_->entry(name);
  state_->float_type(name, entry);  // only of known types the size was checked
  std::vector<float> values(static_cast<size_t>(element_count(shape_of(entry.shape()))));
  read_floats(name, values);
  return values;
}

void BundleReader::read_floats(std::string_view name, std::span<float> values) const {
  const proto::BundleEntry& entry = state_->entry(name);
  const FloatType type = state_->float_type(name, entry);
  const std::vector<int64_t> shape = shape_of(entry.shape());
  if (static_cast<int64_t>(values.size()) != element_count(shape)) {
    state_->refuse(state_->index_path, name,
                   fmt::format("has shape {}, expected {} values", shape_text(shape), values.size()));
  }
  if (type == FloatType::kFloat32 && entry.slices().empty()) {
    state_->read_stored(name, entry, reinterpret_cast<char*>(values.data()));
  } else {
    convert_floats<float>(type, read_raw(name).data(), values);
  }
}

int64_t BundleReader::read_int64_scalar(std::string_view name) const {
  const proto::BundleEntry& entry = state_->entry(name);
  const auto type = static_cast<DataType>(entry.dtype());
  const std::vector<int64_t> shape = shape_of(entry.shape());
  if ((type != DataType::kInt64 && type != DataType::kInt32) || element_count(shape) != 1) {
    state_->refuse(
        state_->index_path, name,
        fmt::format("is {} of shape {}, expected one int64 or int32", data_type_name(type), shape_text(shape)));
  }
  const std::string bytes = read_raw(name);
  return type == DataType::kInt64 ? load_little<int64_t>(bytes.data()) : load_little<int32_t>(bytes.data());
}

std::vector<std::string> BundleReader::read_strings(std::string_view name) const {
  const proto::BundleEntry& entry = state_->entry(name);
  const auto type = static_cast<DataType>(entry.dtype());
  if (type != DataType::kString || !entry.slices().empty()) {
    state_->refuse(state_->index_path, name, fmt::format("is {}, expected strings", data_type_name(type)));
  }
  const ReadOnlyFile& file = *state_->files.at(entry.shard_id());
  std::string bytes(static_cast<size_t>(entry.size()), '\0');
  file.read_at(static_cast<uint64_t>(entry.offset()), bytes.data(), bytes.size());
  const auto damaged = [&](const char* what) { state_->refuse(file.path(), name, what); };

  std::string_view rest = bytes;
  std::vector<uint64_t> lengths(static_cast<size_t>(element_count(shape_of(entry.shape()))));
  uint32_t crc = 0;
  for (uint64_t& length : lengths) {
    if (!take_varint(rest, length)) damaged("damaged: its strings' lengths are cut short");
    const size_t width = length <= UINT32_MAX ? 4 : 8;
    crc = crc32c_extend(crc, {reinterpret_cast<const char*>(&length), width});
  }
  if (rest.size() < 4 || load_little<uint32_t>(rest.data()) != crc32c_mask(crc)) {
    damaged("damaged: the CRC of its strings' lengths is wrong");
  }
  if (crc32c_mask(crc32c_extend(crc, rest)) != entry.crc32c()) damaged("damaged: its CRC is wrong");
  rest.remove_prefix(4);
  std::vector<std::string> strings;
  for (const uint64_t length : lengths) {
    if (length > rest.size()) damaged("damaged: its strings are cut short");
    strings.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (!rest.empty()) damaged("damaged: there are bytes behind its strings");
  return strings;
}

}  // namespace netwright
