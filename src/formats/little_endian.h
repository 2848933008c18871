// Little-endian numbers in files.
#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

namespace netwright {

static_assert(std::endian::native == std::endian::little, "the readers copy stored values as they are");

template <typename T>
T load_little(const char* bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
void append_little(std::string& target, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  target.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace netwright
