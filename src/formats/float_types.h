// Stored floating-point values of 16, 32 and 64 bits as float or double.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "formats/little_endian.h"

namespace netwright {

enum class FloatType { kFloat16, kBfloat16, kFloat32, kFloat64 };

inline float float_from_bfloat16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

inline float float_from_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits >> 15) << 31;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0) {  // zero and subnormal numbers: multiples of 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  const uint32_t widened = exponent == 0x1f ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

// `bytes` holds target.size() little-endian values of type `type`.
template <typename T>
void convert_floats(FloatType type, const char* bytes, std::span<T> target) {
  for (size_t i = 0; i < target.size(); ++i) {
    switch (type) {
      case FloatType::kFloat16:
        target[i] = float_from_half(load_little<uint16_t>(bytes + 2 * i));
        break;
      case FloatType::kBfloat16:
        target[i] = float_from_bfloat16(load_little<uint16_t>(bytes + 2 * i));
        break;
      case FloatType::kFloat32:
        target[i] = load_little<float>(bytes + 4 * i);
        break;
      case FloatType::kFloat64:
        target[i] = static_cast<T>(load_little<double>(bytes + 8 * i));
        break;
    }
  }
}

}  // namespace netwright
