// Converted data sets, read back.
#include "data/convert.h"

#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/decode.h"
#include "data/encode.h"
#include "data/source.h"
#include "formats/example.h"
#include "formats/idx.h"
#include "formats/support.h"
#include "formats/tfrecord.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

std::vector<Example> read_all(const std::string& path) {
  std::vector<Example> examples;
  RecordReader reader(path);
  for (std::string record; reader.next(record);) examples.push_back(Example::parse(record));
  return examples;
}

// Ten pictures of 2 x 3; picture i is filled with 10 i and of class i mod 3.
void write_idx(const TemporaryFolder& folder, const std::string& prefix) {
  std::string pixels;
  std::string labels;
  for (int i = 0; i < 10; ++i) {
    pixels.append(6, static_cast<char>(10 * i));
    labels.push_back(static_cast<char>(i % 3));
  }
  folder.write(prefix + "-images-idx3-ubyte", test::from_hex("00000803 0000000a 00000002 00000003") + pixels);
  folder.write(prefix + "-labels-idx1-ubyte", test::from_hex("00000801 0000000a") + labels);
}

TEST(Convert, IdxToShardsAndBack) {
  const TemporaryFolder input;
  write_idx(input, "train");
  write_idx(input, "t10k");
  const TemporaryFolder output;
  const ConvertResult result = convert_data({.input = input.path(),
                                             .output = output.path(),
                                             .train_shards = 4,
                                             .class_names = {"cat", "dog", "cow"},
                                             .threads = 2});
  EXPECT_EQ(result.train_images, 10);
  EXPECT_EQ(result.validation_images, 10);
  EXPECT_THAT(output.names(),
              ElementsAre(".lock", "conversion.txt", "labels.txt", "train-00000-of-00004", "train-00001-of-00004",
                          "train-00002-of-00004", "train-00003-of-00004", "validation-00000-of-00001"));
  EXPECT_EQ(read_file(output.file("labels.txt")), "cat\ndog\ncow\n");

  // Spec formats 2.2: shards of ceil(10 / 4) = 3, the last one short.
  const std::vector<Example> last = read_all(output.file("train-00003-of-00004"));
  ASSERT_EQ(last.size(), 1U);
  const Example& ninth = last[0];
  EXPECT_THAT(ninth.keys(),
              ElementsAre("image/channels", "image/class/label", "image/class/synset", "image/colorspace",
                          "image/encoded", "image/filename", "image/format", "image/height", "image/width"));
  EXPECT_EQ(ninth.int64("image/height"), 2);
  EXPECT_EQ(ninth.int64("image/width"), 3);
  EXPECT_EQ(ninth.int64("image/class/label"), 1);
  EXPECT_EQ(*ninth.bytes("image/class/synset"), "cat");
  EXPECT_EQ(*ninth.bytes("image/format"), "PNG");
  EXPECT_EQ(*ninth.bytes("image/filename"), "train_00009.png");

  const auto source = open_source({.data = output.path()});
  EXPECT_THAT(source->class_names(), ElementsAre("cat", "dog", "cow"));
  ASSERT_EQ(source->size(), 10);
  Sample sample;
  for (int64_t i = 0; i < 10; ++i) {
    source->read(i, sample);
    EXPECT_EQ(sample.label, i % 3);
    const Image image = decode_image(sample.encoded, {.channels = 0});
    EXPECT_EQ(image.channels(), 1);
    EXPECT_EQ(image.pixels()[5], 10 * i);
  }
}

TEST(Convert, FashionMnistHasNames) {
  const std::string folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::is_directory(folder)) GTEST_SKIP() << "SKIPPED: no " << folder;
  const TemporaryFolder input;
  fs::create_directory(input.file("fashion-mnist"));
  for (const char* name : {"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"}) {
    fs::create_symlink(folder + "/" + name, input.file("fashion-mnist") + "/" + name);
  }
  const TemporaryFolder output;
  const ConvertResult result = convert_data(
      {.input = input.file("fashion-mnist"), .output = output.path(), .validation_shards = 3, .threads = 2});
  EXPECT_EQ(result.train_images, 0);
  EXPECT_EQ(result.validation_images, 10000);
  const auto source = open_source({.data = output.path(), .split = DataSplit::kValidation});
  ASSERT_EQ(source->size(), 10000);
  EXPECT_EQ(source->class_names().at(9), "Ankle boot");
  const IdxImages images = read_idx_images(folder + "/t10k-images-idx3-ubyte.gz");
  Sample sample;
  for (const int64_t i : {0, 3333, 3334, 9999}) {
    source->read(i, sample);
    const Image image = decode_image(sample.encoded, {.channels = 1});
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(image.pixels()), 784),
              images.pixels.substr(static_cast<size_t>(i) * 784, 784));
  }
}

TEST(Convert, FoldersKeepTheirFiles) {
  const TemporaryFolder input;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    fs::create_directories(fs::path(input.file(name)).parent_path());
    input.write(name, bytes);
  };
  Image image;
  image.reshape(8, 9, 3);
  std::fill_n(image.pixels(), image.bytes(), uint8_t{77});
  std::set<std::string> names;
  for (int i = 0; i < 12; ++i) {
    names.insert(fmt::format("{}.JPEG", i));
    write(fmt::format("train/{}/{}.JPEG", i % 2 == 0 ? "ant" : "bee", i), encode_jpeg(image, {.quality = 50 + i}));
  }
  write("val/bee/x.jpg", encode_png(image));
  const TemporaryFolder output;
  const ConvertResult result =
      convert_data({.input = input.path(), .output = output.path(), .train_shards = 2, .threads = 2});
  EXPECT_THAT(result.class_names, ElementsAre("ant", "bee"));

  std::vector<std::string> order;
  for (const char* shard : {"train-00000-of-00002", "train-00001-of-00002"}) {
    for (const Example& example : read_all(output.file(shard))) {
      const std::string& name = *example.bytes("image/filename");
      const std::string& synset = *example.bytes("image/class/synset");
      order.push_back(name);
      EXPECT_EQ(*example.bytes("image/encoded"), read_file(input.file("train/" + synset + "/" + name)));
      EXPECT_EQ(example.int64("image/class/label"), synset == "ant" ? 1 : 2);
      EXPECT_EQ(*example.bytes("image/format"), "JPEG");
    }
  }
  EXPECT_EQ(std::set<std::string>(order.begin(), order.end()), names);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  const std::vector<Example> validation = read_all(output.file("validation-00000-of-00001"));
  ASSERT_EQ(validation.size(), 1U);
  EXPECT_EQ(validation[0].int64("image/class/label"), 2);
  EXPECT_EQ(*validation[0].bytes("image/format"), "PNG");
}

TEST(Convert, CmykBecomesRgb) {
  NETWRIGHT_NEEDS_GOLDEN("augmentation");
  const TemporaryFolder input;
  fs::create_directory(input.file("ink"));
  fs::copy(golden + "/jpeg/coffee_cmyk.jpg", input.file("ink"));
  const TemporaryFolder output;
  convert_data({.input = input.path(), .output = output.path(), .train_shards = 1});
  const Example example = read_all(output.file("train-00000-of-00001")).at(0);
  EXPECT_EQ(read_image_header(*example.bytes("image/encoded")).channels, 3);
  const Image before = decode_image(read_file(golden + "/jpeg/coffee_cmyk.jpg"));
  const Image after = decode_image(*example.bytes("image/encoded"));
  double total = 0;
  for (int64_t i = 0; i < before.bytes(); ++i) total += std::abs(before.pixels()[i] - after.pixels()[i]);
  // Encoding at quality 100 and the fast transform: golden decode has 1.04 on average from the transform alone.
  EXPECT_LT(total / static_cast<double>(before.bytes()), 2.0);
}

TEST(Convert, TheOutputIsNoClass) {
  const TemporaryFolder input;
  fs::create_directories(input.file("train/cat"));
  Image image;
  image.reshape(2, 2, 1);
  std::fill_n(image.pixels(), image.bytes(), uint8_t{9});
  input.write("train/cat/1.png", encode_png(image));
  const auto message = [&](const std::string& output) {
    return error_of([&] { convert_data({.input = input.path(), .output = input.file(output)}); });
  };
  EXPECT_THAT(message("train/out"), HasSubstr("train, where each folder is a class; expected a folder elsewhere"));
  EXPECT_THAT(message("out/../train/cat"), HasSubstr("where each folder is a class"));
  EXPECT_EQ(message("out"), "(no error)");
  EXPECT_EQ(message("out"), "(no error)");
}

TEST(Convert, RefusesBadInput) {
  const TemporaryFolder input;
  const TemporaryFolder output;
  const auto message = [&](ConvertOptions options) {
    if (options.input.empty()) options.input = input.path();
    options.output = output.path();
    return error_of([&] { convert_data(options); });
  };
  EXPECT_THAT(message({.input = input.file("none")}), EndsWith("none: no such folder"));
  EXPECT_THAT(message({}), HasSubstr("neither IDX files (train-images-idx3-ubyte, ...) nor ImageNet's archives"));
  write_idx(input, "train");
  EXPECT_THAT(message({.class_names = {"one", "two"}}), HasSubstr("label 2 of image 2 has no name; 2 class names"));
  EXPECT_THAT(message({.train_shards = 0}), HasSubstr("0 shards; expected 1 to 99999"));
  output.write("train-00000-of-00004", "");
  EXPECT_THAT(message({}), HasSubstr("train-00000-of-00004: in the way; it would be read together"));

  const TemporaryFolder pictures;
  fs::create_directory(pictures.file("cat"));
  pictures.write("cat/1.jpg", "no picture");
  const TemporaryFolder empty;
  EXPECT_THAT(error_of([&] { convert_data({.input = pictures.path(), .output = empty.path()}); }),
              HasSubstr("cat/1.jpg: neither JPEG nor PNG"));
  // Whole shards at most, no labels, no leftovers.
  EXPECT_THAT(empty.names(), ::testing::Each(AnyOf(".lock", "conversion.txt", HasSubstr("train-"))));
}

}  // namespace
}  // namespace netwright
