// Records that can't be used: counted, left out or replaced, the same whatever the threads and wherever a run resumes.
#include "data/bad_records.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/encode.h"
#include "data/pipeline.h"
#include "formats/example.h"
#include "formats/support.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kRecords = 40;

std::string grey_picture(int shade) {
  Image image;
  image.reshape(20, 20, 3);
  std::fill_n(image.pixels(), image.bytes(), static_cast<uint8_t>(shade));
  return encode_jpeg(image);
}

std::string record_of(const std::string& encoded, int64_t label) {
  Example example;
  if (!encoded.empty()) example.set_bytes("image/encoded", encoded);
  example.set_int64("image/class/label", label);
  return example.serialize();
}

// Record i has label i + 1, so that a row tells which record it is. Six are bad, each in its own way.
class BadRecords : public ::testing::Test {
 protected:
  BadRecords() {
    RecordWriter writer(path_);
    std::string damaged;
    for (int64_t i = 0; i < kRecords; ++i) {
      std::string encoded = grey_picture(static_cast<int>(5 * i));
      if (i == 3) encoded.resize(encoded.size() / 2);
      if (i == 11) encoded = "GIF89a";
      if (i == 12) encoded = "";
      if (i == 25) encoded = "\x89PNG\r\n\x1a\n";
      const std::string record = i == 17 ? "no example" : record_of(encoded, i + 1);
      if (i == 30) damaged = record;
      writer.write(record);
    }
    writer.close();
    std::string file = read_file(path_);
    const size_t at = file.find(damaged) + damaged.size() / 2;
    file[at] = static_cast<char>(file[at] ^ 1);  // its checksum no longer matches
    write_file_atomically(path_, file);
    source_ = open_source({.data = path_});
    options_.spec = {.height = 16, .width = 16};
    options_.batch = 7;
    options_.classes = kRecords;
    options_.seed = 3;
    options_.skip_bad_records = true;
  }

  struct Stream {
    std::vector<int32_t> labels;
    std::vector<float> pixels;
    BadRecordList bad_records;
    bool operator==(const Stream&) const = default;
  };
  // `rows` of the stream from `position` on; fewer at the end of an evaluation.
  Stream take(const PipelineOptions& options, int64_t rows, int64_t position = 0) const {
    Pipeline pipeline(source_, options, position);
    Stream stream;
    const int64_t floats = options.spec.height * options.spec.width * 3;
    while (static_cast<int64_t>(stream.labels.size()) < rows) {
      Batch* batch = pipeline.next();
      if (batch == nullptr) break;
      stream.labels.insert(stream.labels.end(), batch->labels.begin(), batch->labels.begin() + batch->valid);
      stream.pixels.insert(stream.pixels.end(), batch->images, batch->images + batch->valid * floats);
      count_bad_records(stream.bad_records, batch->bad_records, kRecords);
      pipeline.recycle(batch);
    }
    return stream;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.file("train-00000-of-00001");
  const std::set<int64_t> bad_ = {3, 11, 12, 17, 25, 30};
  std::shared_ptr<const ImageSource> source_;
  PipelineOptions options_;
};

TEST_F(BadRecords, EvaluationHasEveryGoodImageOnce) {
  options_.training = false;
  const Stream stream = take(options_, kRecords + 1);
  ASSERT_EQ(stream.labels.size(), static_cast<size_t>(kRecords));
  for (int32_t i = 0; i < kRecords; ++i) {
    EXPECT_EQ(stream.labels[static_cast<size_t>(i)], bad_.contains(i) ? -1 : i);
  }
  std::vector<int64_t> found;
  for (const BadRecord& bad : stream.bad_records) found.push_back(bad.index);
  EXPECT_THAT(found, ::testing::ElementsAreArray(bad_));
  options_.threads = 3;
  EXPECT_EQ(take(options_, kRecords + 1), stream);
}

TEST_F(BadRecords, AreNamedWithFilePlaceAndReason) {
  options_.training = false;
  std::map<int64_t, std::string> reasons;
  for (const BadRecord& bad : take(options_, kRecords).bad_records) reasons[bad.index] = bad.reason;
  std::vector<uint64_t> offsets;
  for (const RecordLocation& location : index_records(path_)) offsets.push_back(location.offset);
  for (const auto& [index, reason] : reasons) {
    const auto offset = offsets[static_cast<size_t>(index)];
    EXPECT_THAT(reason, StartsWith(path_));
    EXPECT_THAT(reason, HasSubstr(fmt::format(" record {} at byte {}: ", index, offset)));
  }
  EXPECT_THAT(reasons[11], HasSubstr("it looks like a GIF"));
  EXPECT_THAT(reasons[12], HasSubstr("the record has no image/encoded"));
  EXPECT_THAT(reasons[30], HasSubstr("its CRC doesn't match"));
}

TEST_F(BadRecords, TrainingStreamDependsOnSeedAndPositionAlone) {
  constexpr int64_t kRows = 119;  // nearly three epochs
  const Stream expected = take(options_, kRows);
  EXPECT_EQ(expected.bad_records.size(), bad_.size());
  for (const int32_t label : expected.labels) EXPECT_FALSE(bad_.contains(label)) << label;
  const std::set<int32_t> first_epoch(expected.labels.begin(), expected.labels.begin() + kRecords);
  EXPECT_EQ(first_epoch.size(), kRecords - bad_.size());

  for (const int threads : {2, 3}) {
    options_.threads = threads;
    EXPECT_EQ(take(options_, kRows), expected) << threads << " threads";
  }
  options_.batch = 17;
  const Stream other_batches = take(options_, kRows);
  EXPECT_EQ(other_batches.labels, expected.labels);
  EXPECT_EQ(other_batches.pixels, expected.pixels);

  options_.batch = 7;
  const Stream resumed = take(options_, kRows - 35, 35);
  EXPECT_TRUE(std::equal(resumed.labels.begin(), resumed.labels.end(), expected.labels.begin() + 35));
  EXPECT_EQ(resumed.labels.size() + 35, expected.labels.size());
}

// What stands in a bad record's place differs from epoch to epoch.
TEST_F(BadRecords, AreReplacedByAnyOther) {
  options_.batch = 8;
  const Stream stream = take(options_, 20 * kRecords);
  std::map<int32_t, int> times;
  for (const int32_t label : stream.labels) ++times[label];
  int replaced = 0;
  std::set<int> kinds;
  for (const auto& [label, count] : times) {
    replaced += count - 20;
    kinds.insert(count);
  }
  EXPECT_EQ(replaced, 20 * static_cast<int>(bad_.size()));
  EXPECT_GT(kinds.size(), 3U);  // 120 replacements spread over 34 images
}

TEST_F(BadRecords, EndTheStreamUnlessSkipped) {
  options_.training = false;
  options_.skip_bad_records = false;
  EXPECT_THAT(error_of([&] { take(options_, kRecords); }), StartsWith(path_ + ", record 3 at byte "));
}

TEST_F(BadRecords, ALabelOutOfRangeIsNoBadRecord) {
  options_.classes = 20;
  EXPECT_THAT(error_of([&] { take(options_, kRecords); }), HasSubstr("is out of range; expected 1..20 for 20 classes"));
}

TEST_F(BadRecords, NothingButBadOnesIsAnError) {
  RecordWriter writer(path_);
  for (int i = 0; i < 5; ++i) writer.write("no example");
  writer.close();
  source_ = open_source({.data = path_});
  EXPECT_THAT(error_of([&] { take(options_, kRecords); }),
              StartsWith("64 records drawn one after another are bad; the last: " + path_ + ", record "));
}

TEST(CountBadRecords, EachOnceUpToTheLimit) {
  BadRecordList known;
  count_bad_records(known, {{4, "four"}, {9, "nine"}, {4, "four"}}, 2);
  count_bad_records(known, {{9, "nine"}}, 2);
  EXPECT_EQ(known, (BadRecordList{{4, "four"}, {9, "nine"}}));
  EXPECT_EQ(error_of([&] {
              count_bad_records(known, {{1, "one"}}, 2);
            }),
            "one (bad record 3; --max_bad_records=2 allows no more)");
  EXPECT_EQ(error_of([&] {
              BadRecordList none;
              count_bad_records(none, {{1, "one"}}, 0);
            }),
            "one (bad record 1; --max_bad_records=0 allows no more)");
}

}  // namespace
}  // namespace netwright
