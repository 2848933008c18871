// The stream of samples: the same for every number of threads and wherever it is begun; every image once.
#include "data/pipeline.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/encode.h"
#include "data/epoch_order.h"
#include "formats/example.h"
#include "formats/support.h"
#include "formats/tfrecord.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Row {
  int64_t position;
  int32_t label;
  std::vector<float> pixels;
  bool operator==(const Row&) const = default;
};

std::vector<Row> take(Pipeline& pipeline, const PipelineOptions& options, size_t rows) {
  const auto floats = static_cast<size_t>(options.spec.height * options.spec.width * 3);
  std::vector<Row> taken;
  while (taken.size() < rows) {
    Batch* batch = pipeline.next();
    if (batch == nullptr) break;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(batch->images) % 64, 0U);
    for (int64_t i = 0; i < batch->valid; ++i) {
      const float* pixels = batch->images + static_cast<size_t>(i) * floats;
      taken.push_back({batch->position + i, batch->labels[static_cast<size_t>(i)], {pixels, pixels + floats}});
    }
    pipeline.recycle(batch);
  }
  taken.resize(std::min(rows, taken.size()));
  return taken;
}

std::shared_ptr<const ImageSource> fake(int64_t size, int64_t classes = 10) {
  SourceOptions options{.data = "fake"};
  options.fake = {.size = size, .classes = classes, .height = 20, .width = 24, .seed = 5};
  return open_source(options);
}

PipelineOptions small_options() {
  PipelineOptions options;
  options.spec = {.height = 16, .width = 16};
  options.batch = 7;
  options.classes = 10;
  options.seed = 3;
  return options;
}

TEST(EpochOrder, IsAPermutationOfItsOwn) {
  const EpochOrder order(1, 500);
  const EpochOrder other(2, 500);
  std::vector<std::vector<int64_t>> seen;
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    std::vector<int64_t> places;
    for (int64_t i = 0; i < 500; ++i) places.push_back(order.at(epoch, i));
    EXPECT_EQ(std::set<int64_t>(places.begin(), places.end()).size(), 500U);
    EXPECT_FALSE(std::ranges::is_sorted(places));
    for (const auto& earlier : seen) EXPECT_NE(places, earlier);
    EXPECT_NE(places[0] * 1000 + places[1], other.at(epoch, 0) * 1000 + other.at(epoch, 1));
    seen.push_back(places);
  }
  EXPECT_EQ(order.at(0, 17), seen[0][17]);  // after other epochs
}

TEST(Pipeline, TrainingStreamDependsOnSeedAndPositionAlone) {
  const auto source = fake(23);
  PipelineOptions options = small_options();
  Pipeline first(source, options);
  const std::vector<Row> expected = take(first, options, 70);  // three epochs and a bit
  ASSERT_EQ(expected.size(), 70U);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(expected[i].position, static_cast<int64_t>(i));

  for (const int threads : {2, 3}) {
    options.threads = threads;
    Pipeline again(source, options);
    EXPECT_EQ(take(again, options, 70), expected) << threads << " threads";
  }
  for (const int64_t position : {7, 30}) {
    Pipeline resumed(source, options, position);
    const std::vector<Row> rows = take(resumed, options, 70 - static_cast<size_t>(position));
    EXPECT_EQ(rows, std::vector<Row>(expected.begin() + position, expected.end())) << "from " << position;
  }
  options.batch = 4;
  options.prefetch = 1;
  Pipeline other_batch(source, options);
  EXPECT_EQ(take(other_batch, options, 70), expected);

  options.seed = 4;
  Pipeline other_seed(source, options);
  EXPECT_NE(take(other_seed, options, 70), expected);
}

// Each picture has a colour of its own, so that it is known again after cropping.
class ColourSource : public ImageSource {
 public:
  explicit ColourSource(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  void read(int64_t index, Sample& sample) const override {
    sample.decoded = true;
    sample.label = index % 10;
    sample.pixels.reshape(12, 12, 3);
    std::memset(sample.pixels.pixels(), static_cast<int>(index), static_cast<size_t>(sample.pixels.bytes()));
  }
  std::string describe(int64_t index) const override { return fmt::format("colour {}", index); }

 private:
  int64_t size_;
};

int64_t colour_of(const Row& row, const InputSpec& spec) {
  return std::lround(row.pixels[0] * spec.deviation[0] + spec.mean[0]);
}

TEST(Pipeline, EveryImageOnceAnEpoch) {
  PipelineOptions options = small_options();
  options.threads = 2;
  options.augment.crop = TrainCrop::kNone;
  options.spec.resize = ResizeMethod::kBilinear;
  const auto source = std::make_shared<ColourSource>(41);
  Pipeline pipeline(source, options);
  const std::vector<Row> rows = take(pipeline, options, 3 * 41);
  for (size_t epoch = 0; epoch < 3; ++epoch) {
    std::set<int64_t> seen;
    for (size_t i = 0; i < 41; ++i) {
      const Row& row = rows[epoch * 41 + i];
      const int64_t colour = colour_of(row, options.spec);
      EXPECT_EQ(row.label, colour % 10);
      seen.insert(colour);
    }
    EXPECT_EQ(seen.size(), 41U);
  }
}

TEST(Pipeline, EvaluationIsInOrderAndEndsWithAShortBatch) {
  PipelineOptions options = small_options();
  options.training = false;
  options.threads = 3;
  const auto source = std::make_shared<ColourSource>(23);
  Pipeline pipeline(source, options);
  EXPECT_EQ(pipeline.size(), 23);
  EXPECT_EQ(pipeline.batches(), 4);
  int64_t expected = 0;
  for (int64_t number = 0; number < 4; ++number) {
    Batch* batch = pipeline.next();
    ASSERT_NE(batch, nullptr);
    EXPECT_EQ(batch->position, number * 7);
    EXPECT_EQ(batch->valid, number < 3 ? 7 : 2);
    for (int64_t i = 0; i < 7; ++i) {
      const float pixel = batch->images[i * 16 * 16 * 3];
      const int32_t label = batch->labels[static_cast<size_t>(i)];
      if (i < batch->valid) {
        EXPECT_EQ(label, expected % 10);
        EXPECT_EQ(std::lround(pixel * options.spec.deviation[0] + options.spec.mean[0]), expected++);
      } else {
        EXPECT_EQ(label, 0);
        EXPECT_EQ(pixel, 0.0F);
      }
    }
    pipeline.recycle(batch);
  }
  EXPECT_EQ(pipeline.next(), nullptr);
  EXPECT_EQ(pipeline.next(), nullptr);
}

TEST(Pipeline, EndsAtAnyTime) {
  for (int batches = 0; batches < 6; ++batches) {
    PipelineOptions options = small_options();
    options.threads = 3;
    options.prefetch = 1 + batches % 3;
    Pipeline pipeline(fake(50), options);
    for (int i = 0; i < batches; ++i) pipeline.recycle(pipeline.next());
    Batch* held = pipeline.next();
    EXPECT_NE(held, nullptr);
    EXPECT_GE(pipeline.wait_seconds(), 0.0);
  }
}

TEST(Pipeline, RefusesImpossibleOptions) {
  const auto message = [](auto change) {
    PipelineOptions options = small_options();
    change(options);
    return error_of([&] { Pipeline pipeline(fake(5), options); });
  };
  EXPECT_THAT(message([](auto& o) { o.batch = 0; }), HasSubstr("the batch size is 0; expected at least 1"));
  EXPECT_THAT(message([](auto& o) { o.threads = 0; }), HasSubstr("data threads is 0"));
  EXPECT_THAT(message([](auto& o) { o.augment.shift = 16; }), HasSubstr("the shift is 16 pixels"));
}

TEST(Pipeline, ReadsImageNetRecords) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  const auto source = open_source({.data = golden + "/train-00000-of-00001"});
  EXPECT_EQ(source->size(), 8);
  PipelineOptions options = small_options();
  options.training = false;
  options.classes = 1000;
  Pipeline pipeline(source, options);
  const std::vector<Row> rows = take(pipeline, options, 100);
  std::vector<int32_t> labels;
  for (const Row& row : rows) labels.push_back(row.label);
  EXPECT_EQ(labels, (std::vector<int32_t>{0, 999, 6, 499, 998, 1, 320, 63}));
}

// What is wrong with a record, and what the pipeline says.
struct BadRecord {
  const char* name;
  void (*spoil)(Example& example);
  const char* message;
};

void PrintTo(const BadRecord& record, std::ostream* out) { *out << record.name; }

class BadRecords : public ::testing::TestWithParam<BadRecord> {};

std::string jpeg(int64_t height, int64_t width) {
  Image image;
  image.reshape(height, width, 3);
  for (int64_t i = 0; i < image.bytes(); ++i) image.pixels()[i] = static_cast<uint8_t>(i * i);
  return encode_jpeg(image);
}

Example good_example() {
  Example example;
  example.set_bytes("image/encoded", jpeg(20, 30));
  example.set_int64("image/class/label", 1);
  return example;
}

TEST_P(BadRecords, AreNamedWithFileRecordAndOffset) {
  const TemporaryFolder folder;
  const std::string path = folder.file("train-00000-of-00001");
  RecordWriter writer(path);
  int64_t offset = 0;
  for (int i = 0; i < 5; ++i) {
    Example example = good_example();
    if (i == 3) GetParam().spoil(example);
    const std::string bytes = example.serialize();
    if (i < 3) offset += static_cast<int64_t>(bytes.size()) + 16;
    writer.write(bytes);
  }
  writer.close();
  for (const int threads : {1, 3}) {
    PipelineOptions options = small_options();
    options.training = false;
    options.batch = 2;
    options.threads = threads;
    Pipeline pipeline(open_source({.data = folder.path()}), options);
    pipeline.recycle(pipeline.next());
    const std::string message = error_of([&] { pipeline.next(); });
    EXPECT_THAT(message, AllOf(HasSubstr(fmt::format("{}, record 3 at byte {}: ", path, offset)),
                               HasSubstr(GetParam().message)));
    EXPECT_EQ(error_of([&] { pipeline.next(); }), message);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Pipeline, BadRecords,
    ::testing::Values(
        BadRecord{"no image",
                  [](Example& example) {
                    example = Example();
                    example.set_int64("image/class/label", 1);
                  },
                  "the record has no image/encoded"},
        BadRecord{"no label",
                  [](Example& example) {
                    example = Example();
                    example.set_bytes("image/encoded", jpeg(8, 8));
                  },
                  "the record has no image/class/label"},
        BadRecord{"label too small", [](Example& example) { example.set_int64("image/class/label", 0); },
                  "label 0 is out of range; expected 1..10 for 10 classes"},
        BadRecord{"label too large", [](Example& example) { example.set_int64("image/class/label", 11); },
                  "label 11 is out of range; expected 1..10 for 10 classes"},
        BadRecord{"cut JPEG", [](Example& example) { example.set_bytes("image/encoded", jpeg(20, 30).substr(0, 700)); },
                  "damaged JPEG: cut short"},
        BadRecord{"no JPEG", [](Example& example) { example.set_bytes("image/encoded", "GIF89a"); },
                  "neither JPEG nor PNG: it looks like a GIF"},
        BadRecord{"label of another kind", [](Example& example) { example.set_bytes("image/class/label", "cat"); },
                  "image/class/label"}));

TEST(Pipeline, NamesDamagedRecordFiles) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  PipelineOptions options = small_options();
  options.training = false;
  options.classes = 1000;
  options.batch = 1;
  Pipeline pipeline(open_source({.data = golden + "/bad-payload-bit"}), options);
  EXPECT_EQ(take(pipeline, options, 3).size(), 3U);
  EXPECT_THAT(error_of([&] { pipeline.next(); }), AllOf(HasSubstr("bad-payload-bit"), HasSubstr("5967")));
  for (const char* name : {"bad-length-bit", "truncated-payload", "truncated-header", "truncated-footer"}) {
    EXPECT_THAT(error_of([&] { open_source({.data = golden + "/" + name}); }), HasSubstr(name));
  }
  EXPECT_THAT(error_of([&] { open_source({.data = golden + "/train-gzip"}); }), HasSubstr("compressed"));
  EXPECT_THAT(error_of([&] { open_source({.data = golden + "/empty.tfrecord"}); }),
              HasSubstr("no records in the file"));
}

}  // namespace
}  // namespace netwright
