// Writes files for check_formats.py, and copies through our readers and writers what that script wrote.
//
//   interop_files write FOLDER               ours.index, ours.data-..., events/, ours.safetensors, ours.tfrecord
//   interop_files copy_bundle FROM TO        prefixes; every tensor, in the order of the data
//   interop_files copy_safetensors FROM TO
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "formats/checkpoint_state.h"
#include "formats/event_file.h"
#include "formats/example.h"
#include "formats/safetensors.h"
#include "formats/tensor_bundle.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

// -3, -2.75, -2.5, ...: exact in every floating type.
std::vector<float> quarters(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25F - 3.0F;
  return values;
}

// In order of their names, as check_formats.py adds them.
void write_bundle(const std::string& prefix) {
  using Shape = std::vector<int64_t>;
  BundleWriter writer(prefix);
  writer.add("bool", DataType::kBool, Shape{3}, std::string("\1\0\1", 3));
  writer.add("empty", DataType::kDouble, Shape{0, 3}, "");
  writer.add_int64_scalar("global_step", 1234567890123);
  writer.add_floats("kernel", Shape{3, 3, 2, 4}, quarters(72));
  for (int i = 0; i < 300; ++i) {
    const int64_t size = i % 5 + 1;
    writer.add_floats(fmt::format("scope_{:03}/variable", i), Shape{size}, quarters(size));
  }
  writer.add_strings("strings", Shape{3}, std::vector<std::string>{"ab", "", "\xff bytes"});
  writer.finish();
}

void write_events(const std::string& folder) {
  EventWriter writer(folder);
  for (int step = 0; step < 3; ++step) {
    writer.scalar("loss", 2.0 - step * 0.5, step * 100, 1700000000.0 + step);
    writer.scalar("top1", step * 0.25, step * 100, 1700000000.0 + step);
  }
}

void write_safetensors(const std::string& path) {
  SafetensorsWriter writer;
  writer.set_metadata("format", "np");
  writer.add_floats("kernel", {3, 3, 2, 4}, quarters(72));
  writer.add_doubles("double", {2}, std::vector<double>{0.1, -1e300});
  writer.add_ints("scalar", {}, std::vector<int64_t>{-7});
  writer.add("bytes", "U8", {4}, std::string("\0\1\xfe\xff", 4));
  writer.add_floats("none", {0, 5}, {});
  writer.write(path);
}

void write_records(const std::string& path) {
  RecordWriter writer(path, Compression::kGzip);
  for (int i = 0; i < 3; ++i) {
    Example example;
    example.set_bytes("image/encoded", std::string(static_cast<size_t>(i), '\xff'));
    example.set_int64("image/class/label", i - 1);
    example.set_floats("box", {0.5F, static_cast<float>(i)});
    writer.write(example.serialize());
  }
  writer.close();
}

void write_all(const std::string& folder) {
  write_bundle(folder + "/ours");
  write_checkpoint_state(folder, {folder + "/ours", {folder + "/ours"}});
  write_events(folder + "/events");
  write_safetensors(folder + "/ours.safetensors");
  write_records(folder + "/ours.tfrecord");
}

void copy_bundle(const std::string& from, const std::string& to) {
  const BundleReader reader(from);
  BundleWriter writer(to);
  for (const std::string& name : reader.names_in_data_order()) {
    const TensorInfo& info = *reader.find(name);
    if (info.dtype == DataType::kString) {
      writer.add_strings(name, info.shape, reader.read_strings(name));
    } else {
      writer.add(name, info.dtype, info.shape, reader.read_raw(name));
    }
  }
  writer.finish();
}

void copy_safetensors(const std::string& from, const std::string& to) {
  const SafetensorsReader reader(from);
  SafetensorsWriter writer;
  for (const auto& [key, value] : reader.metadata()) writer.set_metadata(key, value);
  for (const SafeTensor& tensor : reader.tensors()) {
    writer.add(tensor.name, tensor.dtype, tensor.shape, reader.read_raw(tensor.name));
  }
  writer.write(to);
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "write") return write_all(arguments[1]);
  if (arguments.size() == 3 && arguments[0] == "copy_bundle") return copy_bundle(arguments[1], arguments[2]);
  if (arguments.size() == 3 && arguments[0] == "copy_safetensors") return copy_safetensors(arguments[1], arguments[2]);
  fail("usage: interop_files write FOLDER | copy_bundle FROM TO | copy_safetensors FROM TO");
}

}  // namespace
}  // namespace netwright

int main(int argc, char** argv) {
  try {
    netwright::run({argv + 1, argv + argc});
  } catch (const netwright::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
