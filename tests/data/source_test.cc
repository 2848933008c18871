// Every kind of source, and what is said when nothing is there.
#include "data/source.h"

#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/decode.h"
#include "data/encode.h"
#include "formats/support.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

std::string png_of(uint8_t colour) {
  Image image;
  image.reshape(4, 5, 3);
  std::fill_n(image.pixels(), image.bytes(), colour);
  return encode_png(image);
}

void write_image(const TemporaryFolder& folder, const std::string& name, uint8_t colour) {
  fs::create_directories(fs::path(folder.file(name)).parent_path());
  folder.write(name, png_of(colour));
}

TEST(FolderSource, ReadsClassesInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  write_image(folder, "train/zebra/1.png", 1);
  write_image(folder, "train/ant/b.PNG", 2);
  write_image(folder, "train/ant/a.jpeg", 3);  // by content, a PNG
  write_image(folder, "train/bee/x.jpg", 4);
  folder.write("train/ant/notes.txt", "no image");
  write_image(folder, "val/zebra/9.png", 5);
  const auto train = open_source({.data = folder.path()});
  EXPECT_THAT(train->class_names(), ElementsAre("ant", "bee", "zebra"));
  ASSERT_EQ(train->size(), 4);
  std::vector<std::pair<int, int64_t>> seen;
  Sample sample;
  for (int64_t i = 0; i < 4; ++i) {
    train->read(i, sample);
    EXPECT_FALSE(sample.decoded);
    seen.emplace_back(decode_image(sample.encoded).pixels()[0], sample.label);
  }
  EXPECT_THAT(seen, ElementsAre(std::pair(3, 0), std::pair(2, 0), std::pair(4, 1), std::pair(1, 2)));
  EXPECT_THAT(train->describe(3), EndsWith("train/zebra/1.png"));

  // A validation set that lacks classes keeps the training set's labels.
  const auto validation = open_source({.data = folder.path(), .split = DataSplit::kValidation});
  validation->read(0, sample);
  EXPECT_EQ(sample.label, 2);

  write_image(folder, "val/zebar/9.png", 5);
  EXPECT_THAT(error_of([&] { open_source({.data = folder.path(), .split = DataSplit::kValidation}); }),
              AllOf(HasSubstr("class folder zebar is not among the 3 classes"), HasSubstr("did you mean zebra?")));
}

TEST(FolderSource, TellsWhatItPassesOver) {
  const TemporaryFolder folder;
  write_image(folder, "cat/1.png", 1);
  write_image(folder, "dog/nested/1.png", 2);
  folder.write("dog/x.webp", "RIFF");
  folder.write("dog/.hidden", "");
  testing::internal::CaptureStderr();
  open_source({.data = folder.path()});
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr(folder.path() + ": 1 of the 2 classes have no images, dog for one\n"));
  EXPECT_THAT(told, HasSubstr("passed over what is no .jpg, .jpeg or .png file: 2 in all, " +
                              folder.file("dog/nested") + " for one\n"));
}

TEST(FolderSource, TakesRegularFilesOnly) {
  const TemporaryFolder folder;
  write_image(folder, "cat/1.png", 1);
  ASSERT_EQ(mkfifo(folder.file("cat/2.png").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { open_source({.data = folder.path()}); }), EndsWith("cat/2.png: not a regular file"));
  EXPECT_THAT(error_of([&] { open_source({.data = folder.file("cat/2.png")}); }),
              EndsWith("cat/2.png: not a regular file"));
}

TEST(FolderSource, NamesDontTellTheFormat) {
  const TemporaryFolder folder;
  Image image;
  image.reshape(8, 8, 3);
  std::fill_n(image.pixels(), image.bytes(), uint8_t{90});
  fs::create_directories(folder.file("train/cat"));
  folder.write("train/cat/1.png", encode_jpeg(image));
  folder.write("train/cat/2.jpg", encode_png(image));
  const auto source = open_source({.data = folder.path()});
  Sample sample;
  for (const auto& [index, kind] : {std::pair(0, ImageKind::kJpeg), std::pair(1, ImageKind::kPng)}) {
    source->read(index, sample);
    EXPECT_EQ(read_image_header(sample.encoded).kind, kind);
    EXPECT_EQ(decode_image(sample.encoded).pixels()[100], 90);
  }
}

TEST(FolderSource, ServesEitherSplitWithoutSplitFolders) {
  const TemporaryFolder folder;
  write_image(folder, "cat/1.png", 1);
  write_image(folder, "dog/1.png", 2);
  for (const DataSplit split : {DataSplit::kTrain, DataSplit::kValidation}) {
    EXPECT_EQ(open_source({.data = folder.path(), .split = split})->size(), 2);
  }
}

TEST(IdxSource, GivesGreyPicturesAsRgb) {
  const TemporaryFolder folder;
  const std::string pixels = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c";
  folder.write("train-images-idx3-ubyte", test::from_hex("00000803 00000002 00000002 00000003") + pixels);
  folder.write("train-labels-idx1-ubyte", test::from_hex("00000801 00000002 0901"));
  const auto source = open_source({.data = folder.path()});
  ASSERT_EQ(source->size(), 2);
  Sample sample;
  source->read(1, sample);
  EXPECT_TRUE(sample.decoded);
  EXPECT_EQ(sample.label, 1);
  EXPECT_EQ(std::vector<int>(sample.pixels.pixels(), sample.pixels.pixels() + 6), (std::vector<int>{7, 7, 7, 8, 8, 8}));
  EXPECT_EQ(sample.pixels.height(), 2);
  EXPECT_EQ(sample.pixels.width(), 3);

  folder.write("train-labels-idx1-ubyte", test::from_hex("00000801 00000003 090100"));
  EXPECT_THAT(error_of([&] { open_source({.data = folder.path()}); }), HasSubstr("3 labels, but"));
}

TEST(IdxSource, ReadsFashionMnist) {
  const std::string folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::is_directory(folder)) GTEST_SKIP() << "SKIPPED: no " << folder;
  const auto source = open_source({.data = folder, .split = DataSplit::kValidation});
  EXPECT_EQ(source->size(), 10000);
  Sample sample;
  source->read(0, sample);
  EXPECT_EQ(sample.label, 9);  // an ankle boot
}

TEST(FakeSource, IsDeterministic) {
  SourceOptions options{.data = "fake"};
  options.fake = {.size = 100, .classes = 7, .height = 3, .width = 5, .seed = 1};
  const auto one = open_source(options);
  const auto two = open_source(options);
  options.fake.seed = 2;
  const auto other = open_source(options);
  Sample a;
  Sample b;
  Sample c;
  std::vector<int64_t> labels(7);
  for (int64_t i = 0; i < 100; ++i) {
    one->read(i, a);
    two->read(i, b);
    other->read(i, c);
    const auto bytes = [](const Sample& s) {
      return std::string(reinterpret_cast<const char*>(s.pixels.pixels()), static_cast<size_t>(s.pixels.bytes()));
    };
    EXPECT_EQ(bytes(a), bytes(b));
    EXPECT_NE(bytes(a), bytes(c));
    EXPECT_EQ(a.label, b.label);
    ++labels.at(static_cast<size_t>(a.label));
  }
  for (const int64_t count : labels) EXPECT_GT(count, 3);
  options.fake.classes = 0;
  EXPECT_THAT(error_of([&] { open_source(options); }), HasSubstr("0 classes"));
}

TEST(RecordSource, TakesPatternsAndLists) {
  const TemporaryFolder folder;
  for (const char* name : {"train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"}) {
    RecordWriter writer(folder.file(name));
    writer.write("not read here");
    writer.close();
  }
  folder.write("train-00001-of-00003", "");  // an empty shard is legal
  EXPECT_EQ(open_source({.data = folder.path()})->size(), 2);
  EXPECT_EQ(open_source({.data = folder.path(), .split = DataSplit::kValidation})->size(), 1);
  EXPECT_EQ(open_source({.data = folder.file("*-00000-*")})->size(), 2);
  EXPECT_EQ(open_source({.data = folder.file("train-*") + "," + folder.file("validation-*")})->size(), 3);
  EXPECT_THAT(open_source({.data = folder.path()})->describe(1), EndsWith("train-00001-of-00002, record 0 at byte 0"));
  folder.write("labels.txt", "cat\ndog\n");
  EXPECT_THAT(open_source({.data = folder.path()})->class_names(), ElementsAre("cat", "dog"));
  folder.write("labels.txt", "cat\n\ndog\n");
  EXPECT_THAT(error_of([&] { open_source({.data = folder.path()})->class_names(); }), HasSubstr("line 2 is empty"));
}

TEST(OpenSource, WarnsOfShardsThatAreNotThere) {
  const TemporaryFolder folder;
  for (const char* name : {"train-00000-of-00003", "train-00001-of-00003", "train-00002-of-00003"}) {
    RecordWriter writer(folder.file(name));
    writer.write("x");
    writer.close();
  }
  const auto warning = [&] {
    testing::internal::CaptureStderr();
    open_source({.data = folder.path()});
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(warning(), "");
  fs::remove(folder.file("train-00001-of-00003"));
  EXPECT_THAT(warning(), HasSubstr("train-*-of-00003: 1 of 3 shards are missing: 00001\n"));
  folder.write("train-00000-of-00001", "");
  EXPECT_THAT(warning(), HasSubstr("train-*: sets of 1 and of 3 shards are mixed\n"));
}

TEST(OpenSource, SaysWhatItLookedFor) {
  const TemporaryFolder folder;
  const auto message = [](const std::string& data) { return error_of([&] { open_source({.data = data}); }); };
  EXPECT_THAT(message(""), HasSubstr("no data given"));
  EXPECT_THAT(message(folder.path()), AllOf(HasSubstr("no data found in " + folder.path()), HasSubstr("/train-*")));
  EXPECT_EQ(message(folder.file("nothing-*")), "no file matches " + folder.file("nothing-*"));
  folder.write("train-00000-of-00002", "");
  folder.write("train-00001-of-00002", "");
  EXPECT_EQ(message(folder.path()), folder.file("train-*") + ": no records in all 2 files");
  const TemporaryFolder classes;
  fs::create_directories(classes.file("train/cat"));
  EXPECT_THAT(message(classes.path()), HasSubstr("no images; expected folders of .jpg"));
}

}  // namespace
}  // namespace netwright
