#include "formats/idx.h"

#include <zlib.h>

#include <algorithm>

#include "formats/support.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kImages = from_hex("00000803 00000002 00000002 00000003") + "abcdefghijkl";
const std::string kLabels = from_hex("00000801 00000003 07 00 ff");

std::string write_gzipped(const TemporaryFolder& folder, const char* name, const std::string& content) {
  const std::string path = folder.file(name);
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return path;
}

TEST(Idx, PlainAndGzipped) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.write("images", kImages), write_gzipped(folder, "images.gz", kImages)}) {
    const IdxImages images = read_idx_images(path);
    EXPECT_EQ(images.count, 2);
    EXPECT_EQ(images.height, 2);
    EXPECT_EQ(images.width, 3);
    EXPECT_EQ(images.pixels, "abcdefghijkl");
  }
  EXPECT_THAT(read_idx_labels(folder.write("labels", kLabels)), ElementsAre(7, 0, 255));
  EXPECT_THAT(read_idx_labels(write_gzipped(folder, "labels.gz", kLabels)), ElementsAre(7, 0, 255));
}

TEST(Idx, Damaged) {
  const TemporaryFolder folder;
  for (size_t size = 0; size < kImages.size(); ++size) {
    const std::string path = folder.write("cut", kImages.substr(0, size));
    EXPECT_THAT(error_of([&] { read_idx_images(path); }), HasSubstr("cut: cut short: expected")) << size;
  }
  const std::string labels = folder.write("labels", kLabels);
  EXPECT_THAT(
      error_of([&] { read_idx_images(labels); }),
      HasSubstr("labels: not an IDX file of unsigned bytes with 3 axes: starts with 00000801, expected 00000803"));
  const std::string longer = folder.write("longer", kLabels + "x");
  EXPECT_THAT(error_of([&] { read_idx_labels(longer); }), HasSubstr("longer: there are bytes behind the 3"));
  const std::string huge = folder.write("huge", from_hex("00000803 ffffffff ffffffff ffffffff"));
  EXPECT_THAT(error_of([&] { read_idx_images(huge); }), HasSubstr("huge: its extents are impossibly large"));
  const std::string promised = folder.write("promised", from_hex("00000803 ffffffff 0000ffff 0000ffff") + "abc");
  EXPECT_THAT(error_of([&] { read_idx_images(promised); }), HasSubstr("promised: cut short"));
  const std::string gzipped = write_gzipped(folder, "labels.gz", kLabels);
  std::filesystem::resize_file(gzipped, std::filesystem::file_size(gzipped) - 6);
  EXPECT_THAT(error_of([&] { read_idx_labels(gzipped); }), HasSubstr("the compressed data are cut short"));
}

TEST(Idx, FashionMnist) {
  const std::string folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "SKIPPED: no " << folder;
  const IdxImages images = read_idx_images(folder + "/t10k-images-idx3-ubyte.gz");
  EXPECT_EQ(images.count, 10000);
  EXPECT_EQ(images.height, 28);
  EXPECT_EQ(images.width, 28);
  const std::vector<uint8_t> labels = read_idx_labels(folder + "/t10k-labels-idx1-ubyte.gz");
  // The published test set is balanced: 1,000 of each of the ten classes.
  for (int label = 0; label < 10; ++label) EXPECT_EQ(std::count(labels.begin(), labels.end(), label), 1000);
}

}  // namespace
}  // namespace netwright
