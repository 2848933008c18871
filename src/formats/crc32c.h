// CRC-32C (Castagnoli), as TFRecord, LevelDB tables and tensor bundles store it. Source: shared spec formats.md,
// section 0.
#pragma once

#include <cstdint>
#include <string_view>

namespace netwright {

uint32_t crc32c(std::string_view bytes);

// The CRC of a longer string: `crc` is that of what came before `bytes`, unmasked.
uint32_t crc32c_extend(uint32_t crc, std::string_view bytes);

// The same by tables alone, for processors without the instruction (and for the test that compares both).
uint32_t crc32c_extend_by_table(uint32_t crc, std::string_view bytes);

// Stored CRCs are masked, since the CRC of a string that holds its own CRC is degenerate.
constexpr uint32_t crc32c_mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }
constexpr uint32_t crc32c_unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8U;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace netwright
