#include "formats/tfrecord.h"

#include <thread>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "formats/crc32c.h"
#include "formats/little_endian.h"
#include "formats/support.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

const std::string kFoo = from_hex("03 00 00 00 00 00 00 00 b0 99 49 0e 66 6f 6f 61 8a be fe");
const std::string kBar = from_hex("03 00 00 00 00 00 00 00 b0 99 49 0e 62 61 72 46 00 e5 c8");
const std::string kEmpty = from_hex("00 00 00 00 00 00 00 00 29 03 98 07 d8 ea 82 a2");
const std::string kXxxx = from_hex("04 00 00 00 00 00 00 00 42 45 52 04 78 78 78 78 0d 23 a2 84");
const std::string kZlib =
    from_hex("78 9c 63 66 80 80 0d 33 3d f9 d2 f2 f3 13 bb f6 fd 63 46 12 4a 4a 2c 72 63 78 7a 02 00 a3 3b 0a 5a");
const std::string kGzip = from_hex(
    "1f 8b 08 00 00 00 00 00 00 03 63 66 80 80 0d 33 3d f9 d2 f2 f3 13 bb f6 fd 63 46 12 4a 4a 2c 72"
    "63 78 7a 02 00 dc 9a 44 5c 26 00 00 00");

std::vector<std::string> read_all(const std::string& path, Compression compression = Compression::kNone) {
  RecordReader reader(path, compression);
  std::vector<std::string> records;
  for (std::string record; reader.next(record);) records.push_back(record);
  return records;
}

std::string written(const TemporaryFolder& folder, const std::vector<std::string>& records, Compression compression) {
  const std::string path = folder.file("written");
  RecordWriter writer(path, compression);
  for (const std::string& record : records) writer.write(record);
  writer.close();
  return read_file(path);
}

TEST(TfRecord, WritesTheKnownBytes) {
  const TemporaryFolder folder;
  EXPECT_EQ(written(folder, {"foo", "bar", "", "xxxx"}, Compression::kNone), kFoo + kBar + kEmpty + kXxxx);
  EXPECT_EQ(written(folder, {}, Compression::kNone), "");
  EXPECT_EQ(written(folder, {"foo", "bar"}, Compression::kZlib), kZlib);
  EXPECT_EQ(written(folder, {"foo", "bar"}, Compression::kGzip), kGzip);
}

TEST(TfRecord, ReadsTheKnownBytes) {
  const TemporaryFolder folder;
  RecordReader reader(folder.write("plain", kFoo + kBar + kEmpty + kXxxx));
  const std::vector<std::pair<std::string, int64_t>> expected = {{"foo", 0}, {"bar", 19}, {"", 38}, {"xxxx", 54}};
  std::string record;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(reader.next(record));
    EXPECT_EQ(record, expected[i].first);
    EXPECT_EQ(reader.offset(), expected[i].second);
    EXPECT_EQ(reader.record_index(), static_cast<int64_t>(i));
  }
  EXPECT_FALSE(reader.next(record));
  EXPECT_FALSE(reader.next(record));
  EXPECT_THAT(read_all(folder.write("empty", "")), testing::IsEmpty());
  EXPECT_THAT(read_all(folder.write("zlib", kZlib), Compression::kZlib), testing::ElementsAre("foo", "bar"));
  EXPECT_THAT(read_all(folder.write("gzip", kGzip), Compression::kGzip), testing::ElementsAre("foo", "bar"));
  EXPECT_THAT(read_all(folder.write("members", kGzip + kGzip), Compression::kGzip),
              testing::ElementsAre("foo", "bar", "foo", "bar"));
}

TEST(TfRecord, LargeRecordsCrossEveryBuffer) {
  const TemporaryFolder folder;
  std::vector<std::string> records;
  for (const size_t size : {100, 300'000, 7, 262'144, 20'000'000}) {
    std::string record(size, '\0');
    for (size_t i = 0; i < size; ++i) record[i] = static_cast<char>(i * 2654435761U >> 13);
    records.push_back(std::move(record));
  }
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZlib}) {
    written(folder, records, compression);
    EXPECT_TRUE(read_all(folder.file("written"), compression) == records);
  }
}

// Every bit of a file: no flip goes unnoticed, and the message says where.
TEST(TfRecord, EveryFlippedBitIsFound) {
  const TemporaryFolder folder;
  const std::string good = kFoo + kXxxx;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    const std::string path = folder.write("bad", bad);
    const std::string place =
        bit / 8 < kFoo.size() ? "bad: record 0 at byte 0: corrupted" : "bad: record 1 at byte 19: corrupted";
    EXPECT_THAT(error_of([&] { read_all(path); }), HasSubstr(place)) << bit;
    EXPECT_THAT(error_of([&] {
                  std::string record;
                  const RecordFile file(path);
                  file.read_at({0, 3, 0}, record);
                  file.read_at({19, 4, 1}, record);
                }),
                HasSubstr(place))
        << bit;
  }
}

TEST(TfRecord, EveryCutIsFound) {
  const TemporaryFolder folder;
  const std::string good = kFoo + kXxxx;
  for (size_t size = 1; size < good.size(); ++size) {
    if (size == kFoo.size()) continue;
    const std::string path = folder.write("cut", good.substr(0, size));
    const size_t inside = size < kFoo.size() ? size : size - kFoo.size();
    const std::string what =
        fmt::format("cut: record {} truncated {}",
                    size < kFoo.size() ? "0 at byte 0:" : "1 at byte 19:", inside < 12 ? "header" : "record");
    EXPECT_THAT(error_of([&] { read_all(path); }), HasSubstr(what)) << size;
    EXPECT_THAT(error_of([&] { index_records(path); }), HasSubstr(what)) << size;
  }
}

TEST(TfRecord, AnAbsurdLengthIsRefusedBeforeMemoryIsTaken) {
  const TemporaryFolder folder;
  for (const uint64_t length : {uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 4, uint64_t{1} << 62}) {
    std::string file;
    append_little(file, length);
    append_little(file, crc32c_mask(crc32c(file)));
    file += "some payload";
    const std::string path = folder.write("absurd", file);
    const auto refused =
        AllOf(HasSubstr("absurd: record 0 at byte 0: "), HasSubstr(std::to_string(length).substr(0, 8)));
    EXPECT_THAT(error_of([&] { read_all(path); }), refused);
    EXPECT_THAT(error_of([&] { index_records(path); }), HasSubstr("record 0 at byte 0: truncated record"));
  }
}

TEST(TfRecord, DamagedCompression) {
  const TemporaryFolder folder;
  const std::string cut = folder.write("cut", kGzip.substr(0, 30));
  EXPECT_THAT(error_of([&] { read_all(cut, Compression::kGzip); }),
              AllOf(HasSubstr("cut: the compressed data are cut short"), HasSubstr("in record")));
  std::string flipped = kZlib;
  flipped[12] = '\x55';
  const std::string bad = folder.write("bad", flipped);
  EXPECT_THAT(error_of([&] { read_all(bad, Compression::kZlib); }), HasSubstr("bad: "));
  const std::string plain = folder.write("plain", kFoo);
  EXPECT_THAT(error_of([&] { read_all(plain, Compression::kGzip); }),
              HasSubstr("plain: the compressed data are damaged"));
  const std::string gzip = folder.write("gzip", kGzip);
  EXPECT_THAT(error_of([&] { read_all(gzip); }), HasSubstr("perhaps this isn't a TFRecord file, or it is compressed"));
  const std::string twice = folder.write("twice", kZlib + kZlib);
  EXPECT_THAT(error_of([&] { read_all(twice, Compression::kZlib); }), HasSubstr("bytes behind the compressed data"));
}

TEST(TfRecord, AFailedReaderStaysFailed) {
  const TemporaryFolder folder;
  RecordReader reader(folder.write("cut", kFoo + kXxxx.substr(0, 15)));
  std::string record;
  ASSERT_TRUE(reader.next(record));
  const std::string first = error_of([&] { reader.next(record); });
  EXPECT_THAT(first, HasSubstr("truncated record"));
  EXPECT_EQ(error_of([&] { reader.next(record); }), first);
}

TEST(TfRecord, UncheckedPayload) {
  const TemporaryFolder folder;
  std::string bad = kFoo;
  bad[13] = 'x';
  RecordReader reader(folder.write("bad", bad), Compression::kNone, false);
  std::string record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record, "fxo");
}

TEST(TfRecord, RandomAccessFromSeveralThreads) {
  const TemporaryFolder folder;
  std::vector<std::string> records;
  for (size_t i = 0; i < 300; ++i) records.push_back(std::string(i * 7 % 1000, static_cast<char>(i)));
  written(folder, records, Compression::kNone);
  const std::vector<RecordLocation> locations = index_records(folder.file("written"));
  ASSERT_EQ(locations.size(), records.size());
  const RecordFile file(folder.file("written"));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::string record;
      for (size_t k = 0; k < 3 * records.size(); ++k) {
        const size_t i = (k * 7919 + t * 31) % records.size();
        file.read_at(locations[i], record);
        if (record != records[i] || locations[i].number != i) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(TfRecord, ReadAtChecksThatTheFileIsTheSame) {
  const TemporaryFolder folder;
  const RecordFile file(folder.write("file", kFoo + kXxxx));
  std::string record;
  EXPECT_THAT(error_of([&] { file.read_at({0, 2, 0}, record); }), HasSubstr("the file has changed"));
  EXPECT_THAT(error_of([&] { file.read_at({19, 40, 1}, record); }), HasSubstr("file: record 1 at byte 19: truncated"));
  EXPECT_THAT(error_of([&] {
                file.read_at({1000, 4, 9}, record);
              }),
              HasSubstr("record 9 at byte 1000: truncated header"));
}

TEST(TfRecord, FilesThatCannotBeUsed) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { RecordReader reader(folder.file("missing")); }),
              HasSubstr("missing: can't read: No such"));
  EXPECT_THAT(error_of([&] { RecordReader reader(folder.path()); }), HasSubstr("Is a directory"));
  EXPECT_THAT(error_of([&] { RecordWriter writer(folder.file("no/file")); }), HasSubstr("no/file: can't write"));
}

TEST(TfRecord, AFullDiskIsReported) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "SKIPPED: no /dev/full";
  for (const Compression compression : {Compression::kNone, Compression::kGzip}) {
    RecordWriter writer("/dev/full", compression);
    writer.write("foo");
    EXPECT_THAT(error_of([&] { writer.close(); }), HasSubstr("/dev/full: can't write: No space left"));
  }
}

Compression compression_of(const std::string& name) {
  if (name.ends_with("gzip")) return Compression::kGzip;
  return name.ends_with("zlib") ? Compression::kZlib : Compression::kNone;
}

nlohmann::json golden_files(const std::string& golden) {
  return nlohmann::json::parse(read_file(golden + "/formats.json")).at("files");
}

TEST(TfRecordGolden, ReadableFiles) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  int files = 0;
  const nlohmann::json described = golden_files(golden);
  for (const auto& [name, about] : described.items()) {
    if (!about.contains("records")) continue;
    ++files;
    const std::string path = golden + "/" + name;
    ASSERT_EQ(test::sha256(read_file(path)), about.at("sha256")) << name;
    RecordReader reader(path, compression_of(name));
    const auto& offsets = about.contains("offsets") ? about["offsets"] : nlohmann::json::array();
    std::vector<RecordLocation> locations;
    if (compression_of(name) == Compression::kNone) locations = index_records(path);
    std::string record;
    for (const auto& expected : about["records"]) {
      ASSERT_TRUE(reader.next(record)) << name;
      const auto i = static_cast<size_t>(reader.record_index());
      EXPECT_EQ(record.size(), expected["bytes"]) << name;
      EXPECT_EQ(test::sha256(record), expected["sha256"]) << name;
      if (i < offsets.size()) {
        EXPECT_EQ(reader.offset(), offsets[i][0]) << name;
      }
      if (locations.empty()) continue;
      EXPECT_EQ(locations.at(i),
                (RecordLocation{reader.offset(), static_cast<uint32_t>(record.size()), static_cast<uint32_t>(i)}));
    }
    EXPECT_FALSE(reader.next(record)) << name;
  }
  EXPECT_GE(files, 7);
}

// TensorFlow stops at these with "corrupted record at OFFSET" or "truncated record at OFFSET"; where it ends silently,
// in a header cut short, we don't.
TEST(TfRecordGolden, DamagedFiles) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  int files = 0;
  const nlohmann::json described = golden_files(golden);
  for (const auto& [name, about] : described.items()) {
    if (!about.contains("records_before_error")) continue;
    ++files;
    RecordReader reader(golden + "/" + name);
    int64_t count = 0;
    std::string record;
    const std::string message = error_of([&] {
      for (; reader.next(record); ++count) {
      }
    });
    EXPECT_EQ(count, about["records_before_error"]) << name;
    if (name == "empty.tfrecord") {
      EXPECT_EQ(message, "(no error)");
      continue;
    }
    if (about["error"].is_null()) {
      EXPECT_THAT(message, HasSubstr("truncated header")) << name;
      continue;
    }
    const auto theirs = about["error"].get<std::string>();
    // Theirs is the payload's offset when the payload is wrong; ours is always the record's.
    const int64_t offset = std::stoll(theirs.substr(theirs.rfind(' ') + 1)) - (name == "bad-payload-bit" ? 12 : 0);
    EXPECT_THAT(message, HasSubstr(fmt::format("{}: record {} at byte {}: ", name, count, offset)));
    EXPECT_THAT(message, HasSubstr(theirs.find("truncated") != std::string::npos ? "truncated" : "corrupted"));
  }
  EXPECT_GE(files, 6);
}

}  // namespace
}  // namespace netwright
