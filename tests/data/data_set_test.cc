// Data sets with every kind of damage, as the tools that look at all of it see them.
#include <filesystem>
#include <limits>

#include "core/file.h"
#include "data/check.h"
#include "data/encode.h"
#include "data/fake_data.h"
#include "data/inspect.h"
#include "data/shards.h"
#include "data/sheet.h"
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
using ::testing::IsEmpty;
using ::testing::Pair;

namespace fs = std::filesystem;

Image flat(int64_t height, int64_t width, int64_t channels = 3) {
  Image image;
  image.reshape(height, width, channels);
  std::fill_n(image.pixels(), image.bytes(), uint8_t{120});
  return image;
}

// A record of a 6 x 8 JPEG whose label (from 1) is `label`.
Example good(int64_t label = 1) {
  return Example::parse(image_record({encode_jpeg(flat(6, 8)), label - 1, "a.JPEG"}, "cat"));
}

void write_records(const std::string& path, const std::vector<Example>& examples) {
  RecordWriter writer(path);
  for (const Example& example : examples) writer.write(example.serialize());
  writer.close();
}

std::vector<std::string> faults_with(const CheckOptions& options) {
  std::vector<std::string> lines;
  for (const FileFault& fault : check_data(options).faults) {
    lines.push_back(place_text(fault.place) + ": " + fault.what);
  }
  return lines;
}

std::vector<std::string> faults(const std::string& data) { return faults_with({.data = {data}}); }

// The one fault of a file with a good record, this one and another good one.
std::string fault_of(const Example& bad, const CheckOptions& more = {}) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.tfrecord");
  write_records(path, {good(), bad, good()});
  CheckOptions options = more;
  options.data = {path};
  const std::vector<std::string> found = faults_with(options);
  EXPECT_EQ(found.size(), 1U);
  if (found.empty()) return "(no fault)";
  EXPECT_THAT(found[0], HasSubstr("x.tfrecord, record 1 at byte " + std::to_string(good().serialize().size() + 16)));
  return found[0].substr(found[0].find(": ") + 2);
}

TEST(CheckData, NothingIsWrong) {
  const TemporaryFolder folder;
  write_fake_data({.output = folder.path(),
                   .train_images = 9,
                   .validation_images = 3,
                   .classes = 3,
                   .height = 12,
                   .width = 10,
                   .train_shards = 4});
  const CheckReport report = check_data({.data = {folder.path()}, .threads = 2});
  EXPECT_THAT(report.faults, IsEmpty());
  ASSERT_EQ(report.sets.size(), 2U);
  EXPECT_EQ(report.sets[0].name, "train");
  EXPECT_EQ(report.sets[0].files, 4);
  EXPECT_EQ(report.sets[0].items, 9);
  EXPECT_EQ(report.sets[1].items, 3);
}

TEST(CheckData, WhatCanBeWrongWithARecord) {
  Example bad = good();
  bad.set_bytes("image/encoded", encode_jpeg(flat(6, 8)).substr(0, 200));
  EXPECT_THAT(fault_of(bad), HasSubstr("damaged JPEG"));
  bad.set_bytes("image/encoded", "GIF89a");
  EXPECT_THAT(fault_of(bad), HasSubstr("neither JPEG nor PNG: it looks like a GIF"));
  bad.set_bytes("image/encoded", "");
  EXPECT_EQ(fault_of(bad), "image/encoded is empty");
  bad.set_bytes("image/encoded", encode_png(flat(6, 9)));
  EXPECT_EQ(fault_of(bad), "image/width is 8, but the picture's is 9");
  bad = Example();
  bad.set_int64("image/class/label", 1);
  EXPECT_EQ(fault_of(bad), "the record has no picture (neither image/encoded nor image)");
  bad = Example();
  bad.set_bytes("image/encoded", encode_jpeg(flat(6, 8)));
  EXPECT_EQ(fault_of(bad), "the record has no image/class/label");
  bad.set_floats("image/class/label", {1.0F});
  EXPECT_EQ(fault_of(bad), "feature image/class/label holds float, expected int64");
}

TEST(CheckData, LabelsThatAreOut) {
  EXPECT_EQ(fault_of(good(0)), "label 0 is out of range; expected 1 or more");
  EXPECT_EQ(fault_of(good(4), {.classes = 3}), "label 4 is out of range; expected 1..3 for 3 classes");
  const TemporaryFolder folder;
  write_records(folder.file("train-00000-of-00001"), {good(1), good(2), good(3)});
  folder.write("labels.txt", "cat\ndog\n");
  EXPECT_THAT(faults(folder.path()), ElementsAre(EndsWith("label 2 is dog, but image/class/synset is cat"),
                                                 EndsWith("expected 1..2 for 2 classes")));
  EXPECT_THAT(faults_with({.data = {folder.path()}, .classes = 3, .label_base = 0}),
              ElementsAre(HasSubstr("label 1 is dog"), HasSubstr("label 3 is out of range; expected 0..2")));
}

TEST(CheckData, DamagedFiles) {
  const TemporaryFolder folder;
  const std::string path = folder.file("train-00000-of-00001");
  write_records(path, {good(), good(), good()});
  const std::string whole = read_file(path);
  const size_t record = whole.size() / 3;
  const auto after = [&](const std::string& bytes) {
    folder.write("train-00000-of-00001", bytes);
    return faults(folder.path());
  };
  const auto flipped = [&](size_t at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return after(bytes);
  };
  // A payload's damage doesn't hide what follows; a length's does.
  EXPECT_THAT(flipped(record + 40), ElementsAre(AllOf(HasSubstr(", record 1 at byte " + std::to_string(record) + ": "),
                                                      HasSubstr("corrupted payload"))));
  EXPECT_THAT(flipped(record), ElementsAre(AllOf(HasSubstr(", record 1 at byte " + std::to_string(record) + ": "),
                                                 HasSubstr("corrupted length"), HasSubstr("what follows can't be"))));
  EXPECT_THAT(after(whole.substr(0, whole.size() - 1)),
              ElementsAre(AllOf(HasSubstr("record 2"), HasSubstr("truncated"))));
  EXPECT_THAT(after(whole.substr(0, 2 * record + 5)), ElementsAre(HasSubstr("the file ends after 5 of 12 bytes")));
  EXPECT_THAT(after(""), ElementsAre(HasSubstr("train: no records in 1 file")));
  RecordWriter writer(path);
  writer.write("no Example");
  writer.close();
  EXPECT_THAT(faults(path), ElementsAre(HasSubstr("record 0 at byte 0: not a tf.train.Example")));
}

TEST(CheckData, ShardsThatAreMissingOrMixed) {
  const TemporaryFolder folder;
  for (const char* name : {"train-00001-of-00004", "train-00002-of-00004"}) write_records(folder.file(name), {good()});
  EXPECT_THAT(faults(folder.path()),
              ElementsAre(EndsWith("train-*-of-00004: 2 of 4 shards are missing: 00000, 00003")));
  write_records(folder.file("train-00000-of-00001"), {good()});
  EXPECT_THAT(faults(folder.path()), ElementsAre(EndsWith("train-*: sets of 1 and of 4 shards are mixed"),
                                                 HasSubstr("2 of 4 shards are missing")));
  const TemporaryFolder other;
  write_records(other.file("train-00001-of-999999999999"), {good()});
  EXPECT_THAT(faults(other.path()),
              ElementsAre(EndsWith("999999999998 of 999999999999 shards are missing: 00000, 00002, 00003, 00004, "
                                   "00005, 00006, 00007, 00008, ...")));
}

TEST(CheckData, FoldersOfImages) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("cat"));
  folder.write("cat/1.jpg", encode_jpeg(flat(6, 8)));
  folder.write("cat/2.png", encode_png(flat(6, 8)).substr(0, 60));
  const CheckReport report = check_data({.data = {folder.path()}});
  EXPECT_EQ(report.sets[0].items, 2);
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_THAT(place_text(report.faults[0].place), EndsWith("cat/2.png"));
  EXPECT_THAT(report.faults[0].what, HasSubstr("damaged PNG"));
}

TEST(CheckData, NothingThere) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { faults(folder.file("none-*")); }), HasSubstr("no file matches "));
  EXPECT_THAT(error_of([&] { faults(folder.path()); }), HasSubstr("no data found in " + folder.path()));
}

SetSummary inspect_one(const InspectOptions& options) { return std::move(inspect_data(options).at(0)); }

TEST(InspectData, ImagenetsRecords) {
  const TemporaryFolder folder;
  write_records(folder.file("train-00000-of-00002"), {good(1), good(3)});
  Example grey = good(3);
  grey.set_bytes("image/encoded", encode_png(flat(10, 20, 1)));
  write_records(folder.file("train-00001-of-00002"), {grey});
  folder.write("labels.txt", "cat\ndog\ncow\n");
  const std::vector<SetSummary> sets = inspect_data({.data = {folder.path()}, .pictures = 2});
  ASSERT_EQ(sets.size(), 1U);
  const SetSummary& set = sets[0];
  EXPECT_EQ(set.name, "train");
  EXPECT_EQ(set.files, 2);
  EXPECT_EQ(set.items, 3);
  EXPECT_EQ(set.layout, "imagenet_to_gcs");
  EXPECT_EQ(set.features.size(), 9U);
  EXPECT_EQ(set.features.at("image/class/label").whole.max, 3);
  EXPECT_EQ(set.features.at("image/filename").example, "a.JPEG");
  EXPECT_THAT(set.labels, ElementsAre(Pair(1, 1), Pair(3, 2)));
  EXPECT_EQ(set.label_base, 1);
  EXPECT_EQ(set.pictures.height.min, 6);
  EXPECT_EQ(set.pictures.height.max, 10);
  EXPECT_EQ(set.pictures.width.median, 8);
  EXPECT_THAT(set.pictures.encodings, ElementsAre(Pair("JPEG", 2), Pair("PNG, grey", 1)));
  EXPECT_EQ(set.fault_count, 0);
  ASSERT_EQ(set.kept.size(), 2U);
  EXPECT_EQ(set.kept[0].label, 1);
}

TEST(InspectData, AnyExamples) {
  const TemporaryFolder folder;
  Example first;
  first.set_floats("box", {0.5F, -2.0F});
  first.set_bytes("text", "hello");
  Example second;
  second.set_floats("box", {});
  second.set_int64("text", 7);
  write_records(folder.file("boxes.tfrecord"), {first, second});
  const SetSummary set = inspect_one({.data = {folder.file("boxes.tfrecord")}});
  EXPECT_EQ(set.layout, "");
  EXPECT_EQ(set.features.at("box").kind, Example::Kind::kFloat);
  EXPECT_EQ(set.features.at("box").real.min, -2.0);
  EXPECT_EQ(set.features.at("box").values.min, 0);
  EXPECT_EQ(set.features.at("box").values.max, 2);
  EXPECT_TRUE(set.features.at("text").mixed_kinds);
  EXPECT_EQ(set.pictures.count, 0);
  EXPECT_FALSE(set.label_base);
}

TEST(InspectData, NumbersAreExact) {
  const TemporaryFolder folder;
  Example example;
  example.set_int64("id", (int64_t{1} << 53) + 1);
  example.set_floats("x", {1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()});
  write_records(folder.file("x.tfrecord"), {example});
  const SetSummary set = inspect_one({.data = {folder.file("x.tfrecord")}});
  EXPECT_EQ(set.features.at("id").whole.max, 9007199254740993);
  EXPECT_EQ(set.features.at("x").not_numbers, 1);
  EXPECT_EQ(set.features.at("x").real.min, 1.0);
  EXPECT_EQ(set.features.at("x").real.max, std::numeric_limits<double>::infinity());
}

TEST(InspectData, PicturesOfNothing) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("cat"));
  folder.write("cat/1.jpg", encode_jpeg(flat(6, 8)));
  folder.write("cat/2.jpg", "");
  fs::create_directory(folder.file("cat/3.jpg"));
  const SetSummary set = inspect_one({.data = {folder.path()}});
  ASSERT_EQ(set.fault_count, 2);
  EXPECT_EQ(set.faults[0].what, "the file is empty");
  EXPECT_EQ(set.faults[1].what, "can't read: Is a directory");
  Example example;
  example.set_bytes("image/encoded", "");
  write_records(folder.file("x.tfrecord"), {example});
  EXPECT_EQ(inspect_one({.data = {folder.file("x.tfrecord")}}).faults.at(0).what, "image/encoded is empty");
  write_records(folder.file("none.tfrecord"), {});
  EXPECT_EQ(inspect_one({.data = {folder.file("none.tfrecord")}}).faults.at(0).what, "no records in 1 file");
}

TEST(InspectData, TensorFlowDatasetsAndDamage) {
  const TemporaryFolder folder;
  std::vector<Example> examples(3);
  for (size_t i = 0; i < examples.size(); ++i) {
    examples[i].set_bytes("image", i == 1 ? "no picture" : encode_jpeg(flat(4, 4)));
    examples[i].set_int64("label", static_cast<int64_t>(i));
  }
  const std::string path = folder.file("imagenet2012-train.tfrecord-00000-of-00001");
  write_records(path, examples);
  const SetSummary set = inspect_one({.data = {path}});
  EXPECT_EQ(set.layout, "TensorFlow Datasets");
  EXPECT_EQ(set.name, "imagenet2012-train.tfrecord");
  EXPECT_EQ(set.label_base, 0);
  EXPECT_EQ(set.fault_count, 1);
  EXPECT_EQ(set.faults[0].place.record, 1);
  EXPECT_EQ(set.pictures.count, 2);
  folder.write("imagenet2012-train.tfrecord-00000-of-00001", read_file(path).substr(0, 30));
  EXPECT_EQ(inspect_one({.data = {path}}).items, 0);
}

TEST(InspectData, ASampleIsSpreadAndDoesNotDependOnThreads) {
  const TemporaryFolder folder;
  std::vector<Example> examples;
  for (int64_t i = 1; i <= 400; ++i) examples.push_back(good(i));
  write_records(folder.file("train-00000-of-00001"), examples);
  InspectOptions options{.data = {folder.path()}, .sample = 200, .pictures = 5};
  const SetSummary one = inspect_one(options);
  options.threads = 3;
  const SetSummary three = inspect_one(options);
  EXPECT_EQ(one.looked_into, 200);
  EXPECT_EQ(one.labels.begin()->first, 1);
  EXPECT_EQ(one.labels.rbegin()->first, 399);
  EXPECT_EQ(one.labels, three.labels);
  ASSERT_EQ(three.kept.size(), 5U);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(one.kept[i].label, three.kept[i].label);
}

TEST(Sheet, FitsPicturesIntoTiles) {
  Image dark = flat(200, 100);
  std::fill_n(dark.pixels(), dark.bytes(), uint8_t{10});
  const Image small = flat(10, 10);
  const std::vector<SheetPicture> pictures = {{&dark, "0"}, {&small, "1"}, {&small, ""}};
  const Image sheet = picture_sheet(pictures, {.columns = 2, .tile = 50});
  // Tiles of 50 with gaps of 4 and captions of 11 rows.
  EXPECT_EQ(sheet.width(), 4 + 2 * 54);
  EXPECT_EQ(sheet.height(), 4 + 2 * 65);
  const auto at = [&](int64_t y, int64_t x) { return sheet.row(y)[3 * x]; };
  EXPECT_EQ(at(4 + 25, 4 + 25), 10);   // 50 x 25 in the middle
  EXPECT_EQ(at(4 + 25, 4 + 10), 255);  // beside it
  EXPECT_EQ(at(4 + 25, 58 + 1), 120);  // 10 x 10, enlarged five times
  EXPECT_EQ(at(4 + 52 + 1, 4), 0);     // the 0's left side
  EXPECT_EQ(at(4 + 52 + 1, 4 + 2), 255);
  EXPECT_EQ(at(69 + 25, 58 + 25), 255);  // no fourth picture
  // A letter that has no glyph is one question mark, of however many bytes.
  const auto captioned = [&](const char* text) {
    const std::vector<SheetPicture> one = {{&dark, text}};
    const Image drawn = picture_sheet(one);
    return std::string(reinterpret_cast<const char*>(drawn.pixels()), static_cast<size_t>(drawn.bytes()));
  };
  EXPECT_TRUE(captioned("\xe6\x97\xa5 B") == captioned("? B"));
  EXPECT_THAT(error_of([&] { picture_sheet({}); }), HasSubstr("no pictures"));
  EXPECT_THAT(error_of([&] { picture_sheet(pictures, {.columns = 0}); }), HasSubstr("0 columns"));
}

}  // namespace
}  // namespace netwright
