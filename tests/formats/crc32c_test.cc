#include "formats/crc32c.h"

#include "formats/support.h"

namespace netwright {
namespace {

std::string counting_bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * 167 + (i >> 8));
  return bytes;
}

// RFC 3720, appendix B.4.
TEST(Crc32c, PublishedVectors) {
  std::string ascending(32, '\0');
  for (size_t i = 0; i < 32; ++i) ascending[i] = static_cast<char>(i);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
}

TEST(Crc32c, Mask) {
  EXPECT_EQ(crc32c_mask(0xe3069283U), 0xc78ab0e5U);
  EXPECT_EQ(crc32c_mask(0), 0xa282ead8U);
  for (const uint32_t crc : {0U, 1U, 0xe3069283U, 0xffffffffU}) EXPECT_EQ(crc32c_unmask(crc32c_mask(crc)), crc);
}

TEST(Crc32c, TableEqualsInstruction) {
  EXPECT_EQ(crc32c_extend_by_table(0, "123456789"), 0xe3069283U);
  const std::string bytes = counting_bytes(1000);
  for (size_t begin = 0; begin < 9; ++begin) {
    for (size_t length = 0; length + begin < bytes.size(); length += length < 40 ? 1 : 97) {
      const std::string_view part = std::string_view(bytes).substr(begin, length);
      ASSERT_EQ(crc32c(part), crc32c_extend_by_table(0, part)) << begin << " " << length;
    }
  }
}

TEST(Crc32c, ExtendContinues) {
  const std::string bytes = counting_bytes(100);
  const std::string_view view = bytes;
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(crc32c_extend(crc32c(view.substr(0, cut)), view.substr(cut)), crc32c(view));
  }
}

}  // namespace
}  // namespace netwright
