// Files of arrays and archives of files: safetensors, PyTorch's, IDX, tar.
#include <array>
#include <vector>

#include "data/imagenet_files.h"
#include "formats/file_io.h"
#include "formats/idx.h"
#include "formats/safetensors.h"
#include "formats/tar_archive.h"
#include "formats/torch_file.h"
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

void read_torch_file(const std::string& path) {
  attempt([&] {
    const TorchReader reader(path);
    for (const TorchTensor& tensor : reader.tensors()) {
      require(reader.find(tensor.name) == &tensor, "a tensor that is listed is found");
      size_t count = 1;
      for (const int64_t extent : tensor.shape) count *= static_cast<size_t>(extent);
      std::vector<float> values(count);
      attempt([&] { reader.read_floats(tensor.name, values); });
    }
  });
}

// The form before 1.6 behind its magic number and version: sizes of types, object, keys, storages.
void fuzz_torch_pickle(std::string_view bytes) {
  static const std::string kBegin("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.", 21);
  read_torch_file(in_file("pickle.pth", kBegin + std::string(bytes)));
}

void fuzz_torch_zip(std::string_view bytes) {
  std::string mended(bytes);
  mend_zip(mended);
  read_torch_file(in_file("zip.pth", mended));
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

constexpr std::array<Target, 6> kTargets = {{{"safetensors", fuzz_safetensors, 4096},
                                             {"torch_pickle", fuzz_torch_pickle, 2048},
                                             {"torch_zip", fuzz_torch_zip, 4096},
                                             {"idx", fuzz_idx, 1024},
                                             {"idx_gzip", fuzz_idx_gzip, 1024},
                                             {"tar", fuzz_tar, 8192}}};

}  // namespace

std::span<const Target> array_targets() { return kTargets; }

}  // namespace netwright::fuzz
