// IDX files: MNIST's, plain or gzipped (a name that ends in .gz). Format: http://yann.lecun.com/exdb/mnist, a
// big-endian header (two zero bytes, type, number of axes, then each extent as 32 bits) and the values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace netwright {

struct IdxImages {
  int64_t count = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::string pixels;  // count * height * width bytes, row-major
};

// Unsigned bytes with three axes, or with one. Throws Error that names the file, for another type or number of axes,
// data cut short, and bytes behind the end.
IdxImages read_idx_images(const std::string& path);
std::vector<uint8_t> read_idx_labels(const std::string& path);

}  // namespace netwright
