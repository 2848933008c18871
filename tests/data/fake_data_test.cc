#include "data/fake_data.h"

#include <algorithm>

#include "core/file.h"
#include "data/decode.h"
#include "data/source.h"
#include "formats/support.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

FakeDataOptions small(const TemporaryFolder& folder) {
  return {.output = folder.path(),
          .train_images = 23,
          .validation_images = 4,
          .classes = 5,
          .height = 30,
          .width = 40,
          .train_shards = 3};
}

TEST(FakeData, HasWhatWasAskedFor) {
  const TemporaryFolder folder;
  write_fake_data(small(folder));
  const auto train = open_source({.data = folder.path()});
  ASSERT_EQ(train->size(), 23);
  EXPECT_EQ(open_source({.data = folder.path(), .split = DataSplit::kValidation})->size(), 4);
  EXPECT_EQ(train->class_names().size(), 5U);
  std::vector<int> counts(5);
  std::vector<int64_t> labels;
  Sample sample;
  for (int64_t i = 0; i < 23; ++i) {
    train->read(i, sample);
    labels.push_back(sample.label);
    ++counts.at(static_cast<size_t>(sample.label));
    const Image image = decode_image(sample.encoded);
    EXPECT_EQ(image.height(), 30);
    EXPECT_EQ(image.width(), 40);
  }
  EXPECT_EQ(*std::ranges::min_element(counts), 4);
  EXPECT_EQ(*std::ranges::max_element(counts), 5);
  EXPECT_FALSE(std::ranges::is_sorted(labels));
}

TEST(FakeData, DependsOnTheSeedAndNotOnThreads) {
  const TemporaryFolder first;
  const TemporaryFolder second;
  const TemporaryFolder third;
  write_fake_data(small(first));
  FakeDataOptions options = small(second);
  options.threads = 3;
  write_fake_data(options);
  options = small(third);
  options.seed = 1;
  write_fake_data(options);
  for (const std::string& name : first.names()) {
    EXPECT_EQ(read_file(first.file(name)), read_file(second.file(name))) << name;
  }
  EXPECT_NE(read_file(first.file("train-00000-of-00003")), read_file(third.file("train-00000-of-00003")));
}

TEST(FakeData, RefusesNumbersThatMakeNoSet) {
  const TemporaryFolder folder;
  FakeDataOptions options = small(folder);
  options.classes = 0;
  EXPECT_THAT(error_of([&] { write_fake_data(options); }), HasSubstr("0 classes; expected 1 to 1000000"));
  options = small(folder);
  options.train_images = options.validation_images = 0;
  EXPECT_THAT(error_of([&] { write_fake_data(options); }), HasSubstr("0 images in all"));
}

}  // namespace
}  // namespace netwright
