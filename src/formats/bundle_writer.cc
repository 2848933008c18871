#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "formats/bundle_index.h"
#include "formats/crc32c.h"
#include "formats/file_io.h"
#include "formats/little_endian.h"
#include "formats/tensor_bundle.h"
#include "formats/tensor_bundle.pb.h"
#include "formats/varint.h"

namespace netwright {
namespace {

std::string temporary_suffix() {
  static std::atomic<int> counter{0};
  return fmt::format(".tempstate{}_{}", getpid(), counter++);
}

std::string header_bytes() {
  proto::BundleHeader header;
  header.set_num_shards(1);
  header.mutable_version()->set_producer(1);
  return header.SerializeAsString();
}

}  // namespace

struct BundleWriter::State {
  State(const std::string& prefix, const std::string& suffix)
      : index_path(prefix + ".index"),
        data_path(prefix + ".data-00000-of-00001"),
        index_temporary(index_path + suffix),
        data_temporary(data_path + suffix),
        data(data_temporary) {
    entries[""] = header_bytes();
  }

  // Makes the entry for bytes that lie at the end of the data file. Checked by the caller.
  void add_entry(std::string_view name, DataType dtype, std::span<const int64_t> shape, uint64_t size, uint32_t crc) {
    proto::BundleEntry entry;
    entry.set_dtype(static_cast<int>(dtype));
    entry.mutable_shape();
    for (const int64_t extent : shape) entry.mutable_shape()->add_dim()->set_size(extent);
    entry.set_offset(static_cast<int64_t>(data.offset() - size));
    entry.set_size(static_cast<int64_t>(size));
    entry.set_crc32c(crc32c_mask(crc));
    entries[std::string(name)] = entry.SerializeAsString();
  }

  // Throws Error when a tensor of this name and shape can't be added.
  void check(std::string_view name, std::span<const int64_t> shape, uint64_t size, uint64_t expected) const {
    if (finished) fail("{}: the checkpoint is finished", data_path);
    if (name.empty()) fail("{}: a tensor needs a name", data_path);
    if (entries.contains(std::string(name))) fail("{}: tensor {} was added already", data_path, name);
    for (const int64_t extent : shape) {
      if (extent < 0) fail("{}: tensor {}: impossible shape {}", data_path, name, shape_text(shape));
    }
    if (size != expected) {
      fail("{}: tensor {}: {} given for shape {}, expected {}", data_path, name, size, shape_text(shape), expected);
    }
  }

  std::string index_path;
  std::string data_path;
  std::string index_temporary;
  std::string data_temporary;
  OutputFile data;
  std::map<std::string, std::string> entries;
  bool finished = false;
};

BundleWriter::BundleWriter(const std::string& prefix) : state_(std::make_unique<State>(prefix, temporary_suffix())) {}

BundleWriter::~BundleWriter() {
  if (state_->finished) return;
  unlink(state_->data_temporary.c_str());
  unlink(state_->index_temporary.c_str());
}

void BundleWriter::add(std::string_view name, DataType dtype, std::span<const int64_t> shape, std::string_view bytes) {
  const size_t item = data_type_size(dtype);
  if (item == 0) fail("{}: tensor {}: can't write {} this way", state_->data_path, name, data_type_name(dtype));
  state_->check(name, shape, bytes.size(), static_cast<uint64_t>(element_count(shape)) * item);
  state_->data.write(bytes);
  state_->add_entry(name, dtype, shape, bytes.size(), crc32c(bytes));
}

void BundleWriter::add_floats(std::string_view name, std::span<const int64_t> shape, std::span<const float> values) {
  add(name, DataType::kFloat, shape, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void BundleWriter::add_int64_scalar(std::string_view name, int64_t value) {
  add(name, DataType::kInt64, {}, {reinterpret_cast<const char*>(&value), sizeof value});
}

void BundleWriter::add_strings(std::string_view name, std::span<const int64_t> shape,
                               std::span<const std::string> values) {
  state_->check(name, shape, values.size(), static_cast<uint64_t>(element_count(shape)));
  std::string bytes;
  std::string checked;  // the lengths as they enter the CRC
  for (const std::string& value : values) {
    append_varint(bytes, value.size());
    if (value.size() <= UINT32_MAX) {
      append_little(checked, static_cast<uint32_t>(value.size()));
    } else {
      append_little<uint64_t>(checked, value.size());
    }
  }
  const uint32_t lengths_crc = crc32c(checked);
  std::string rest;
  append_little(rest, crc32c_mask(lengths_crc));
  for (const std::string& value : values) rest += value;
  bytes += rest;
  state_->data.write(bytes);
  state_->add_entry(name, DataType::kString, shape, bytes.size(), crc32c_extend(lengths_crc, rest));
}

void BundleWriter::finish() {
  State& state = *state_;
  if (state.finished) fail("{}: the checkpoint is finished", state.data_path);
  state.data.sync();
  state.data.close();
  write_table(state.index_temporary, state.entries);
  // An older checkpoint of this prefix must not be seen with the new values.
  if (unlink(state.index_path.c_str()) == 0) sync_path(folder_of(state.index_path));
  rename_and_sync(state.data_temporary, state.data_path);
  rename_and_sync(state.index_temporary, state.index_path);
  state.finished = true;
}

}  // namespace netwright
