// ImageNet's archives in small, made by the system's tar: what must come out is what imagenet_to_gcs.py writes.
#include <filesystem>
#include <map>

#include "core/file.h"
#include "data/convert.h"
#include "data/decode.h"
#include "data/encode.h"
#include "formats/example.h"
#include "formats/support.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

Image flat_picture(int64_t height, int64_t width, int grey) {
  Image image;
  image.reshape(height, width, 3);
  std::fill_n(image.pixels(), image.bytes(), static_cast<uint8_t>(grey));
  return image;
}

class ImagenetArchives : public ::testing::Test {
 protected:
  static constexpr const char* kTrain = "ILSVRC2012_img_train.tar";
  static constexpr const char* kValidation = "ILSVRC2012_img_val.tar";
  static constexpr const char* kLabels = "synset_labels.txt";

  void write(const std::string& name, const std::string& bytes) {
    fs::create_directories(fs::path(raw_.file(name)).parent_path());
    raw_.write(name, bytes);
    bytes_[fs::path(name).filename().string()] = bytes;
  }

  void tar(const std::string& folder, const std::string& archive, const std::string& words) {
    const std::string command = fmt::format("cd '{}' && tar -cf '{}' {}", folder, archive, words);
    if (std::system(command.c_str()) != 0) ADD_FAILURE() << command;
  }

  // Five training images of two classes, one a PNG with the name of a JPEG and one grey; the classes' archives and
  // their images lie in no order.
  void write_train() {
    write("train/n02105855/n02105855_2933.JPEG", encode_png(flat_picture(6, 7, 90)));
    write("train/n02105855/n02105855_10.JPEG", encode_jpeg(flat_picture(8, 9, 10)));
    write("train/n01440764/n01440764_3.JPEG", encode_jpeg(flat_picture(8, 8, 30)));
    write("train/n01440764/n01440764_20.JPEG", encode_jpeg(flat_picture(8, 8, 20)));
    Image grey;
    grey.reshape(5, 4, 1);
    std::fill_n(grey.pixels(), grey.bytes(), uint8_t{40});
    write("train/n01440764/n01440764_1.JPEG", encode_jpeg(grey));
    tar(raw_.file("train/n02105855"), raw_.file("n02105855.tar"), "n02105855_2933.JPEG n02105855_10.JPEG");
    tar(raw_.file("train/n01440764"), raw_.file("n01440764.tar"),
        "n01440764_3.JPEG n01440764_1.JPEG n01440764_20.JPEG");
    tar(raw_.path(), input_.file(kTrain), "n02105855.tar n01440764.tar");
  }

  // Three validation images, of which the second is of a class that training lacks.
  void write_validation() {
    for (int i = 1; i <= 3; ++i) {
      write(fmt::format("validation/ILSVRC2012_val_0000000{}.JPEG", i), encode_jpeg(flat_picture(8, 8, 50 + i)));
    }
    tar(raw_.file("validation"), input_.file(kValidation),
        "ILSVRC2012_val_00000003.JPEG ILSVRC2012_val_00000001.JPEG ILSVRC2012_val_00000002.JPEG");
    input_.write(kLabels, "n02105855\nn01443537\nn01440764\n");
  }

  ConvertOptions options() const {
    return {.input = input_.path(), .output = output_.path(), .train_shards = 2, .validation_shards = 2, .threads = 2};
  }
  ConvertResult convert() { return convert_data(options()); }
  std::string message() {
    return error_of([&] { convert(); });
  }

  std::vector<Example> read(const std::string& part, int shards) {
    std::vector<Example> examples;
    for (int shard = 0; shard < shards; ++shard) {
      RecordReader reader(output_.file(fmt::format("{}-{:05d}-of-{:05d}", part, shard, shards)));
      for (std::string record; reader.next(record);) examples.push_back(Example::parse(record));
    }
    return examples;
  }
  static std::vector<std::string> names(const std::vector<Example>& examples) {
    std::vector<std::string> names;
    for (const Example& example : examples) names.push_back(*example.bytes("image/filename"));
    return names;
  }

  TemporaryFolder raw_;  // as unpacked
  TemporaryFolder input_;
  TemporaryFolder output_;
  std::map<std::string, std::string> bytes_;
};

TEST_F(ImagenetArchives, ShardsOrderAndLabels) {
  write_train();
  write_validation();
  const ConvertResult result = convert_data({.input = input_.path(), .output = output_.path(), .threads = 2});
  EXPECT_EQ(result.train_images, 5);
  EXPECT_EQ(result.validation_images, 3);
  EXPECT_THAT(result.class_names, ElementsAre("n01440764", "n01443537", "n02105855"));
  EXPECT_EQ(read_file(output_.file("labels.txt")), "n01440764\nn01443537\nn02105855\n");
  EXPECT_EQ(match_files(output_.path() + "/train-*-of-01024").size(), 1024U);
  EXPECT_EQ(match_files(output_.path() + "/validation-*-of-00128").size(), 128U);
  // One a shard (ceil(5 / 1024)), the last ones empty.
  EXPECT_GT(fs::file_size(output_.file("train-00004-of-01024")), 0U);
  EXPECT_EQ(fs::file_size(output_.file("train-00005-of-01024")), 0U);

  // CPython: random.seed(0); random.shuffle(...) of five is 2 1 0 4 3. Sorted by path: n01440764_1, _20, _3,
  // n02105855_10, _2933.
  const std::vector<Example> train = read("train", 1024);
  EXPECT_THAT(names(train), ElementsAre("n01440764_3.JPEG", "n01440764_20.JPEG", "n01440764_1.JPEG",
                                        "n02105855_2933.JPEG", "n02105855_10.JPEG"));
  for (const Example& example : train) {
    const std::string& name = *example.bytes("image/filename");
    const std::string& synset = *example.bytes("image/class/synset");
    EXPECT_EQ(synset, name.substr(0, 9));
    EXPECT_EQ(example.int64("image/class/label"), synset == "n01440764" ? 1 : 3);
    if (name != "n02105855_2933.JPEG") {
      EXPECT_EQ(*example.bytes("image/encoded"), bytes_[name]) << name;
    }
  }
  const std::vector<Example> validation = read("validation", 128);
  EXPECT_THAT(names(validation), ElementsAre("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG",
                                             "ILSVRC2012_val_00000003.JPEG"));
  EXPECT_EQ(validation[0].int64("image/class/label"), 3);
  EXPECT_EQ(validation[1].int64("image/class/label"), 2);
  EXPECT_EQ(*validation[2].bytes("image/class/synset"), "n01440764");
}

TEST_F(ImagenetArchives, EveryRecordHasTheNineFeatures) {
  write_train();
  convert();
  const std::vector<Example> examples = read("train", 2);
  ASSERT_EQ(examples.size(), 5U);
  for (const Example& example : examples) {
    EXPECT_THAT(example.keys(),
                ElementsAre("image/channels", "image/class/label", "image/class/synset", "image/colorspace",
                            "image/encoded", "image/filename", "image/format", "image/height", "image/width"));
    EXPECT_EQ(example.int64("image/channels"), 3);
    EXPECT_EQ(*example.bytes("image/colorspace"), "RGB");
    EXPECT_EQ(*example.bytes("image/format"), "JPEG");
    const ImageHeader header = read_image_header(*example.bytes("image/encoded"));
    EXPECT_EQ(header.kind, ImageKind::kJpeg);
    EXPECT_EQ(example.int64("image/height"), header.height);
    EXPECT_EQ(example.int64("image/width"), header.width);
  }
}

TEST_F(ImagenetArchives, APngNamedJpegBecomesOne) {
  write_train();
  convert();
  const Example png = read("train", 2).at(3);
  const Image image = decode_image(*png.bytes("image/encoded"));
  EXPECT_EQ(image.height(), 6);
  EXPECT_EQ(image.width(), 7);
  EXPECT_NEAR(image.pixels()[0], 90, 1);
}

TEST_F(ImagenetArchives, UnpackedFoldersGiveTheSame) {
  write_train();
  write_validation();
  convert();
  const TemporaryFolder again;
  fs::copy(input_.file(kLabels), raw_.file(kLabels));
  convert_data({.input = raw_.path(), .output = again.path(), .train_shards = 2, .validation_shards = 2});
  ASSERT_EQ(again.names(), output_.names());
  for (const std::string& name : output_.names()) {
    EXPECT_EQ(read_file(again.file(name)), read_file(output_.file(name))) << name;
  }
}

TEST_F(ImagenetArchives, KagglesLabelsAndFilesElsewhere) {
  write_train();
  write_validation();
  const TemporaryFolder elsewhere;
  fs::rename(input_.file(kTrain), elsewhere.file("a.tar"));
  fs::rename(input_.file(kValidation), elsewhere.file("b.tar"));
  fs::remove(input_.file(kLabels));
  elsewhere.write(
      "LOC_val_solution.csv",
      "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 85 1 499 272 \n"
      "ILSVRC2012_val_00000003,n02105855 1 2 3 4 n02105855 5 6 7 8\nILSVRC2012_val_00000001,n01443537 1 1 2 2\n");
  ConvertOptions given = options();
  given.train_archive = elsewhere.file("a.tar");
  given.validation_archive = elsewhere.file("b.tar");
  given.validation_labels = elsewhere.file("LOC_val_solution.csv");
  convert_data(given);
  const std::vector<Example> validation = read("validation", 2);
  ASSERT_EQ(validation.size(), 3U);
  EXPECT_EQ(validation[0].int64("image/class/label"), 2);
  EXPECT_EQ(validation[1].int64("image/class/label"), 1);
  EXPECT_EQ(validation[2].int64("image/class/label"), 3);
  elsewhere.write("LOC_val_solution.csv",
                  "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 85 1 499 272 \n");
  EXPECT_THAT(error_of([&] { convert_data(given); }),
              HasSubstr("LOC_val_solution.csv: no label for ILSVRC2012_val_00000001.JPEG"));
}

TEST_F(ImagenetArchives, ClassesOfOneSplitCountForTheOther) {
  write_train();
  input_.write(kLabels, "n00000001\nn02105855\n");
  const ConvertResult result = convert();
  EXPECT_THAT(result.class_names, ElementsAre("n00000001", "n01440764", "n02105855"));
  EXPECT_EQ(read("train", 2).at(0).int64("image/class/label"), 2);
}

TEST_F(ImagenetArchives, ValidationNeedsItsLabels) {
  write_validation();
  input_.write(kLabels, "n02105855\nn01443537\n");
  EXPECT_THAT(message(), HasSubstr("synset_labels.txt: 2 labels, but there are 3 validation images"));
  input_.write(kLabels, "490\n361\n171\n");
  EXPECT_THAT(message(),
              HasSubstr("line 1 is \"490\"; expected a WordNet id such as n01440764 (the development kit's"));
  input_.write(kLabels, "n02105855\ntabby cat\nn01443537\n");
  EXPECT_THAT(message(), HasSubstr("synset_labels.txt: line 2 is \"tabby cat\"; expected a WordNet id"));
  input_.write(kLabels, "\n");
  EXPECT_THAT(message(), HasSubstr("synset_labels.txt: no labels in it"));
  fs::remove(input_.file(kLabels));
  EXPECT_THAT(message(), HasSubstr("no labels of the validation images: expected synset_labels.txt there"));
  EXPECT_THAT(output_.names(), ElementsAre());
}

TEST_F(ImagenetArchives, ArchivesThatAreSomethingElse) {
  write_train();
  write_validation();
  const std::string train = read_file(input_.file(kTrain));
  const std::string validation = read_file(input_.file(kValidation));
  input_.write(kTrain, "no archive at all, but some text");
  EXPECT_THAT(message(), HasSubstr("ILSVRC2012_img_train.tar: not a tar archive"));
  input_.write(kTrain, train.substr(0, train.size() / 2));
  EXPECT_THAT(message(), HasSubstr("ILSVRC2012_img_train.tar: damaged or cut short near byte "));
  input_.write(kTrain, validation);
  EXPECT_THAT(message(), HasSubstr("holds ILSVRC2012_val_00000003.JPEG; expected one archive a class"));
  input_.write(kTrain, train);
  input_.write(kValidation, train);
  EXPECT_THAT(message(), HasSubstr("holds n02105855.tar; expected images (is this the validation archive?)"));
  input_.write(kValidation, validation);
  // A class's archive that is damaged inside.
  raw_.write("n01440764.tar", std::string(4096, 'x'));
  tar(raw_.path(), input_.file(kTrain), "n02105855.tar n01440764.tar");
  EXPECT_THAT(message(), HasSubstr("ILSVRC2012_img_train.tar: n01440764.tar: not a tar archive"));
  EXPECT_THAT(output_.names(), ElementsAre());
}

TEST_F(ImagenetArchives, AClassThatIsThereTwice) {
  write_train();
  tar(raw_.path(), input_.file(kTrain), "n02105855.tar n01440764.tar n02105855.tar --hard-dereference");
  EXPECT_THAT(message(), HasSubstr("ILSVRC2012_img_train.tar: holds n02105855.tar twice"));
}

TEST_F(ImagenetArchives, LabelsAreLookedForBeforeTheArchiveIsListed) {
  input_.write(kTrain, "no archive at all, but some text");
  ConvertOptions given = options();
  given.validation_labels = input_.file("none.txt");
  EXPECT_THAT(error_of([&] { convert_data(given); }), HasSubstr("none.txt: can't read: No such file"));
}

TEST_F(ImagenetArchives, ImagesBesideANamedArchive) {
  write_train();
  write_validation();
  ConvertOptions given = options();
  const TemporaryFolder other;
  given.input = other.path();
  given.validation_archive = input_.file(kValidation);
  given.validation_labels = input_.file(kLabels);
  fs::create_directories(other.file("val"));
  EXPECT_THAT(error_of([&] { convert_data(given); }), HasSubstr("val would be left out; give the one or the other"));
  fs::remove(other.file("val"));
  fs::create_directories(other.file("train/n01440764"));
  other.write("train/n01440764/1.JPEG", encode_jpeg(flat_picture(8, 8, 30)));
  EXPECT_EQ(error_of([&] { convert_data(given); }), "(no error)");
}

TEST_F(ImagenetArchives, FilesThatCanNotBeRead) {
  write_validation();
  fs::create_directory(input_.file(kTrain));
  EXPECT_THAT(message(), HasSubstr("ILSVRC2012_img_train.tar: can't read: Is a directory"));
  fs::remove(input_.file(kTrain));
  ConvertOptions given = options();
  given.validation_labels = input_.file("none.txt");
  EXPECT_THAT(error_of([&] { convert_data(given); }), HasSubstr("none.txt: can't read: No such file"));
  given = options();
  given.train_archive = input_.file("none.tar");
  EXPECT_THAT(error_of([&] { convert_data(given); }), HasSubstr("none.tar: can't read: No such file"));
  given = options();
  given.input = input_.file(kValidation);
  EXPECT_THAT(error_of([&] { convert_data(given); }), HasSubstr("a file; expected the folder that holds the data"));
}

TEST_F(ImagenetArchives, ADamagedImageIsNamed) {
  write("train/n01440764/n01440764_1.JPEG", encode_jpeg(flat_picture(8, 8, 30)).substr(0, 150));
  tar(raw_.file("train/n01440764"), raw_.file("n01440764.tar"), "n01440764_1.JPEG");
  tar(raw_.path(), input_.file(kTrain), "n01440764.tar");
  EXPECT_THAT(message(), HasSubstr("ILSVRC2012_img_train.tar: n01440764/n01440764_1.JPEG: "));
  EXPECT_FALSE(fs::exists(output_.file("labels.txt")));
}

}  // namespace
}  // namespace netwright
