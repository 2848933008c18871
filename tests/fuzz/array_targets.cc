// Files of arrays and archives of files: safetensors, IDX, tar.
#include <array>

#include "data/imagenet_files.h"
#include "formats/file_io.h"
#include "formats/idx.h"
#include "formats/safetensors.h"
#include "formats/tar_archive.h"
#include "fuzz/mend.h"
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

void fuzz_tar(std::string_view bytes) {
  std::string mended(bytes);
  mend_tar(mended);
  const std::string path = in_file("files.tar", mended);
  attempt([&] {
    const ReadOnlyFile file(path);
    for (const TarEntry& entry : list_tar(file).entries) {
      require(entry.offset <= file.size() && entry.size <= file.size() - entry.offset, "a file lies in its archive");
      attempt([&] { list_tar(file, entry.offset, entry.size, entry.name); });
    }
  });
  attempt([&] { list_train_archive(path); });
  attempt([&] { list_validation_archive(path); });
}

constexpr std::array<Target, 4> kTargets = {{{"safetensors", fuzz_safetensors, 4096},
                                             {"idx", fuzz_idx, 1024},
                                             {"idx_gzip", fuzz_idx_gzip, 1024},
                                             {"tar", fuzz_tar, 8192}}};

}  // namespace

std::span<const Target> array_targets() { return kTargets; }

}  // namespace netwright::fuzz
