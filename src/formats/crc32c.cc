#include "formats/crc32c.h"

#include <array>
#include <cstring>

namespace netwright {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78U;

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: what byte b does to the CRC when k more bytes follow it (slicing by 8).
constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t b = 0; b < 256; ++b) {
      tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

uint64_t load64(const char* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) uint32_t extend_by_instruction(uint32_t crc, std::string_view bytes) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  uint64_t state = crc ^ 0xffffffffU;
  for (; left >= 8; left -= 8, p += 8) state = __builtin_ia32_crc32di(state, load64(p));
  auto low = static_cast<uint32_t>(state);
  for (; left > 0; --left, ++p) low = __builtin_ia32_crc32qi(low, static_cast<unsigned char>(*p));
  return low ^ 0xffffffffU;
}

bool has_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }

#else

uint32_t extend_by_instruction(uint32_t crc, std::string_view bytes) { return crc32c_extend_by_table(crc, bytes); }
bool has_instruction() { return false; }

#endif

}  // namespace

uint32_t crc32c_extend_by_table(uint32_t crc, std::string_view bytes) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  uint32_t state = crc ^ 0xffffffffU;
  for (; left >= 8; left -= 8, p += 8) {
    const uint64_t word = load64(p) ^ state;
    state = 0;
    for (size_t k = 0; k < 8; ++k) state ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; left > 0; --left, ++p) state = (state >> 8) ^ kTables[0][(state ^ static_cast<unsigned char>(*p)) & 0xff];
  return state ^ 0xffffffffU;
}

uint32_t crc32c_extend(uint32_t crc, std::string_view bytes) {
  static const bool fast = has_instruction();
  return fast ? extend_by_instruction(crc, bytes) : crc32c_extend_by_table(crc, bytes);
}

uint32_t crc32c(std::string_view bytes) { return crc32c_extend(0, bytes); }

}  // namespace netwright
