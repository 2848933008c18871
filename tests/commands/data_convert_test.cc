// `netwright data convert` as a user runs it; what the shards hold in full is tests/data's matter.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/subprocess.h"
#include "core/file.h"
#include "data/encode.h"
#include "formats/example.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DataConvert : public ::testing::Test {
 protected:
  DataConvert() : root_(fs::path(::testing::TempDir()) / ("data_convert_" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "in");
  }
  ~DataConvert() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& bytes) {
    fs::create_directories((root_ / "in" / name).parent_path());
    std::ofstream(root_ / "in" / name, std::ios::binary) << bytes;
  }

  // Three images of 2 x 2 pixels with the labels 1, 0, 2.
  void write_idx() {
    write("train-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02", 16) + "abcdefghijkl");
    write("train-labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\x03\x01\0\x02", 11));
  }

  ProgramResult convert(std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"data", "convert", in(), out()};
    args.insert(args.end(), more.begin(), more.end());
    return run_netwright(args);
  }

  void expect_refused(const ProgramResult& result, int code, const std::string& part) {
    EXPECT_EQ(result.exit_code, code);
    EXPECT_THAT(result.err, HasSubstr("netwright data convert: "));
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_EQ(result.out, "");
  }

  std::vector<Example> records(const std::string& shard) {
    RecordReader reader(out() + "/" + shard);
    std::vector<Example> examples;
    for (std::string record; reader.next(record);) examples.push_back(Example::parse(record));
    return examples;
  }

  std::string in() const { return root_ / "in"; }
  std::string out() const { return root_ / "out"; }

  fs::path root_;
};

TEST_F(DataConvert, IdxFiles) {
  write_idx();
  const ProgramResult result = convert({"--train-shards=2", "--class_names=bag,boot,coat", "--threads=1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, out() + ": 3 training and 0 validation images of 3 classes\n");
  std::vector<int64_t> labels;
  for (const char* shard : {"train-00000-of-00002", "train-00001-of-00002"}) {
    for (const Example& example : records(shard)) labels.push_back(*example.int64("image/class/label"));
  }
  EXPECT_THAT(labels, ElementsAre(2, 1, 3));  // from 1, as ImageNet's
  EXPECT_EQ(*records("train-00000-of-00002")[0].bytes("image/class/synset"), "boot");
  EXPECT_EQ(read_file(out() + "/labels.txt"), "bag\nboot\ncoat\n");
}

TEST_F(DataConvert, FoldersOfImages) {
  Image image;
  image.reshape(3, 5, 3);
  std::fill_n(image.row(0), image.bytes(), static_cast<uint8_t>(7));
  write("train/cat/1.png", encode_png(image));
  write("train/dog/2.jpg", encode_jpeg(image));
  write("validation/dog/3.png", encode_png(image));
  const ProgramResult result = convert({"--train_shards", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, out() + ": 2 training and 1 validation images of 2 classes\n");
  const std::vector<Example> validation = records("validation-00000-of-00001");
  ASSERT_EQ(validation.size(), 1);
  EXPECT_EQ(validation[0].int64("image/class/label"), 2);
  EXPECT_EQ(validation[0].int64("image/width"), 5);
  EXPECT_EQ(*validation[0].bytes("image/encoded"), encode_png(image));
  EXPECT_EQ(records("train-00000-of-00001").size(), 2);
  EXPECT_EQ(read_file(out() + "/labels.txt"), "cat\ndog\n");
}

TEST_F(DataConvert, RefusesBeforeWork) {
  expect_refused(convert(), 2, "neither IDX files");
  expect_refused(run_netwright({"data", "convert", in() + "/nowhere", out()}), 2, "nowhere: no such folder");
  expect_refused(run_netwright({"data", "convert", in()}), 2, "OUTPUT is missing; usage: netwright data convert INPUT");
  write_idx();
  expect_refused(convert({"--train_shards=0"}), 2, "--train_shards=0: must be in [1, 99999]");
  expect_refused(convert({"--class_names=bag,,coat"}), 2, "--class_names=bag,,coat: an empty name");
  expect_refused(convert({"--class_names=bag,coat"}), 2, "label 2 of image 2 has no name; 2 class names were given");
  write("train-labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\x02\x01\0", 10));
  expect_refused(convert(), 2, "train-labels-idx1-ubyte");
  EXPECT_FALSE(fs::exists(out() + "/labels.txt"));
}

TEST_F(DataConvert, FailsAtADamagedImageAndLeavesNoShard) {
  Image image;
  image.reshape(8, 8, 3);
  std::fill_n(image.row(0), image.bytes(), static_cast<uint8_t>(7));
  write("cat/1.jpg", encode_jpeg(image).substr(0, 200));
  expect_refused(convert({"--train_shards=1"}), 1, "cat/1.jpg: ");
  EXPECT_FALSE(fs::exists(out() + "/train-00000-of-00001"));
  EXPECT_FALSE(fs::exists(out() + "/labels.txt"));
}

TEST_F(DataConvert, SaysWhenTheOutputCanNotBeMade) {
  write_idx();
  std::ofstream(root_ / "out") << "a file";
  expect_refused(convert(), 2, out());
}

}  // namespace
}  // namespace netwright
