// Arrays in files: safetensors, IDX.
#include <array>

#include "formats/idx.h"
#include "formats/safetensors.h"
#include "fuzz/target.h"

namespace netwright::fuzz {
namespace {

void fuzz_safetensors(std::string_view bytes) {
  attempt([&] {
    const SafetensorsReader reader(in_file("weights.safetensors", bytes));
    for (const SafeTensor& tensor : reader.tensors()) {
      require(reader.read_raw(tensor.name).size() == tensor.size, "a tensor has the bytes that it tells");
      attempt([&] { reader.read_floats(tensor.name); });
      attempt([&] { reader.read_doubles(tensor.name); });
      attempt([&] { reader.read_ints(tensor.name); });
    }
  });
}

void read_idx(const std::string& path) {
  attempt([&] {
    const IdxImages images = read_idx_images(path);
    const auto pixels = static_cast<uint64_t>(images.count) * static_cast<uint64_t>(images.height) *
                        static_cast<uint64_t>(images.width);
    require(images.pixels.size() == pixels, "there are as many pixels as the shape says");
  });
  attempt([&] { read_idx_labels(path); });
}

void fuzz_idx(std::string_view bytes) { read_idx(in_file("idx", bytes)); }
void fuzz_idx_gzip(std::string_view bytes) { read_idx(in_file("idx.gz", bytes)); }

constexpr std::array<Target, 3> kTargets = {
    {{"safetensors", fuzz_safetensors, 4096}, {"idx", fuzz_idx, 1024}, {"idx_gzip", fuzz_idx_gzip, 1024}}};

}  // namespace

std::span<const Target> array_targets() { return kTargets; }

}  // namespace netwright::fuzz
