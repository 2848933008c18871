// Base-128 numbers: seven bits a byte, low ones first, the high bit says that more follow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace netwright {

inline void append_varint(std::string& target, uint64_t value) {
  for (; value >= 0x80; value >>= 7) target.push_back(static_cast<char>(value | 0x80));
  target.push_back(static_cast<char>(value));
}

// Moves behind the number; false when `bytes` ends before it does.
inline bool take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

}  // namespace netwright
