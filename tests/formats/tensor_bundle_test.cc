#include "formats/tensor_bundle.h"

#include <cmath>
#include <numeric>

#include <leveldb/env.h>
#include <leveldb/options.h>
#include <leveldb/table_builder.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "formats/bundle_index.h"
#include "formats/crc32c.h"
#include "formats/little_endian.h"
#include "formats/support.h"
#include "formats/varint.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using test::TemporaryFolder;
using test::to_hex;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kData = from_hex("07 00 00 00 00 00 00 00 00 00 80 3f 00 00 00 c0");
const std::string kIndex = from_hex(R"(
    00 00 06 08 01 1a 02 08 01 00 0b 0b 67 6c 6f 62 61 6c 5f 73 74 65 70 08 09 12 00 28 08 35 bb d7
    9f 11 00 0f 11 68 65 61 64 2f 64 65 6e 73 65 2f 62 69 61 73 08 01 12 04 12 02 08 02 20 08 28 08
    35 45 3f 16 88 00 00 00 00 01 00 00 00 00 ea 66 e5 60 00 00 00 00 01 00 00 00 00 c0 f2 a1 b0 00
    01 02 69 00 4d 00 00 00 00 01 00 00 00 00 42 34 cd dd 52 08 5f 0e 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 57 fb 80 8b 24 75
    47 db)");
const std::string kHeader = from_hex("08 01 1a 02 08 01");

void write_tiny(const std::string& prefix) {
  BundleWriter writer(prefix);
  writer.add_int64_scalar("global_step", 7);
  writer.add_floats("head/dense/bias", std::vector<int64_t>{2}, std::vector<float>{1.0F, -2.0F});
  writer.finish();
}

std::string read_everything(const std::string& prefix) {
  return error_of([&] {
    const BundleReader reader(prefix);
    for (const TensorInfo& info : reader.tensors()) {
      if (info.dtype == DataType::kString) {
        reader.read_strings(info.name);
      } else {
        reader.read_raw(info.name);
      }
    }
  });
}

TEST(TensorBundle, TheKnownCheckpoint) {
  const TemporaryFolder folder;
  folder.write("t.index", kIndex);
  folder.write("t.data-00000-of-00001", kData);
  const BundleReader reader(folder.file("t"));
  EXPECT_EQ(reader.tensors(), (std::vector<TensorInfo>{{"global_step", DataType::kInt64, {}},
                                                       {"head/dense/bias", DataType::kFloat, {2}}}));
  EXPECT_EQ(reader.read_int64_scalar("global_step"), 7);
  EXPECT_THAT(reader.read_floats("head/dense/bias"), ElementsAre(1.0F, -2.0F));
  EXPECT_EQ(reader.read_raw("head/dense/bias"), kData.substr(8));
  EXPECT_TRUE(reader.contains("global_step"));
  EXPECT_FALSE(reader.contains(""));
  EXPECT_EQ(reader.find("head"), nullptr);

  write_tiny(folder.file("ours"));
  EXPECT_EQ(to_hex(read_file(folder.file("ours.index"))), to_hex(kIndex));
  EXPECT_EQ(read_file(folder.file("ours.data-00000-of-00001")), kData);
  EXPECT_EQ(folder.names().size(), 4U);
}

TEST(TensorBundle, WrongRequests) {
  const TemporaryFolder folder;
  write_tiny(folder.file("t"));
  const BundleReader reader(folder.file("t"));
  EXPECT_THAT(error_of([&] { reader.read_floats("nothing"); }), HasSubstr("t.index: no tensor nothing"));
  EXPECT_THAT(error_of([&] { reader.read_floats("global_step"); }),
              HasSubstr("t.index: tensor global_step: is int64, expected floating point"));
  EXPECT_THAT(error_of([&] { reader.read_int64_scalar("head/dense/bias"); }),
              HasSubstr("is float32 of shape [2], expected one int64 or int32"));
  EXPECT_THAT(error_of([&] { reader.read_strings("global_step"); }), HasSubstr("is int64, expected strings"));
  std::vector<float> three(3);
  EXPECT_THAT(error_of([&] { reader.read_floats("head/dense/bias", three); }),
              HasSubstr("has shape [2], expected 3 values"));
}

TEST(TensorBundle, StringsAndShortFloats) {
  const TemporaryFolder folder;
  {
    BundleWriter writer(folder.file("s"));
    writer.add_strings("two", std::vector<int64_t>{2}, std::vector<std::string>{"ab", "c"});
    writer.add_strings("one", {}, std::vector<std::string>{""});
    writer.add("half", DataType::kHalf, std::vector<int64_t>{2}, from_hex("003c 00c0"));
    writer.add("bf16", DataType::kBfloat16, std::vector<int64_t>{1, 1}, from_hex("49c0"));
    writer.add("empty", DataType::kDouble, std::vector<int64_t>{0, 3}, "");
    writer.finish();
  }
  EXPECT_EQ(to_hex(read_file(folder.file("s.data-00000-of-00001"))),
            "02010371"
            "7c676162"
            "63"
            "00a67b113a"
            "003c00c0"
            "49c0");
  const auto entries = read_table(folder.file("s.index"));
  ASSERT_EQ(entries.size(), 6U);
  EXPECT_EQ(to_hex(entries[5].second),
            "08071204120208022809"
            "35d530d85f");
  // Of the empty tensor: no size, and the CRC of nothing, masked.
  EXPECT_EQ(to_hex(entries[2].second),
            "0802"
            "12061200"
            "12020803"
            "2014"
            "35d8ea82a2");
  const BundleReader reader(folder.file("s"));
  EXPECT_THAT(reader.read_strings("two"), ElementsAre("ab", "c"));
  EXPECT_THAT(reader.read_strings("one"), ElementsAre(""));
  EXPECT_THAT(reader.read_floats("half"), ElementsAre(1.0F, -2.0F));
  EXPECT_THAT(reader.read_floats("bf16"), ElementsAre(-3.140625F));
  EXPECT_TRUE(reader.read_floats("empty").empty());
  EXPECT_THAT(error_of([&] { reader.read_raw("two"); }), HasSubstr("holds strings"));
  EXPECT_THAT(reader.names_in_data_order(), ElementsAre("two", "one", "half", "bf16", "empty"));
}

// "w" of shape [4,3], two slices along the first axis.
std::map<std::string, std::string> partitioned_entries() {
  return {
      {"", kHeader},
      {from_hex("00 77 00 01 01 02 80 82 80 7f"), from_hex("08 01 12 08 12 02 08 02 12 02 08 03 28 18 35 c0 db 3d 17")},
      {from_hex("00 77 00 01 01 02 82 82 80 7f"),
       from_hex("08 01 12 08 12 02 08 02 12 02 08 03 20 18 28 18 35 d4 84 4e 02")},
      {"w", from_hex("08 01 12 08 12 02 08 04 12 02 08 03 3a 06 0a 02 10 02 0a 00 3a 08 0a 04 08 02 10 02 0a 00")}};
}

std::string counting_floats(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) append_little(bytes, static_cast<float>(i));
  return bytes;
}

TEST(TensorBundle, PartitionedVariable) {
  const TemporaryFolder folder;
  write_table(folder.file("p.index"), partitioned_entries());
  folder.write("p.data-00000-of-00001", counting_floats(12));
  const BundleReader reader(folder.file("p"));
  EXPECT_EQ(reader.tensors(), (std::vector<TensorInfo>{{"w", DataType::kFloat, {4, 3}}}));
  std::vector<float> expected(12);
  std::iota(expected.begin(), expected.end(), 0.0F);
  EXPECT_EQ(reader.read_floats("w"), expected);
  EXPECT_THAT(reader.names_in_data_order(), ElementsAre("w"));
}

// The entry of a float tensor whose `bytes` lie at `offset`; all numbers below 128.
std::string float_entry(const std::vector<int64_t>& shape, size_t offset, const std::string& bytes) {
  std::string entry = {'\x08', '\x01', '\x12', static_cast<char>(4 * shape.size())};
  for (const int64_t extent : shape) entry += std::string{'\x12', '\x02', '\x08', static_cast<char>(extent)};
  if (offset > 0) entry += std::string{'\x20', static_cast<char>(offset)};
  entry += std::string{'\x28', static_cast<char>(bytes.size()), '\x35'};
  append_little(entry, crc32c_mask(crc32c(bytes)));
  return entry;
}

// Split along the last axis, or one in the middle, the elements of the slices alternate.
TEST(TensorBundle, PartitionedAlongOtherAxes) {
  const TemporaryFolder folder;
  const std::string data = counting_floats(6);
  write_table(
      folder.file("p.index"),
      {{"", kHeader},
       {slice_key("w", {{0, -1}, {0, 1}}), float_entry({2, 1}, 0, data.substr(0, 8))},
       {slice_key("w", {{0, -1}, {1, 2}}), float_entry({2, 2}, 8, data.substr(8))},
       {"w", from_hex("08 01 12 08 12 02 08 02 12 02 08 03 3a 06 0a 00 0a 02 10 01 3a 08 0a 00 0a 04 08 01 10 02")}});
  folder.write("p.data-00000-of-00001", data);
  EXPECT_THAT(BundleReader(folder.file("p")).read_floats("w"), ElementsAre(0, 2, 3, 1, 4, 5));

  // [2,3,2] in [2,1,2] and [2,2,2].
  const std::string more = counting_floats(12);
  write_table(folder.file("q.index"),
              {{"", kHeader},
               {slice_key("w", {{0, -1}, {0, 1}, {0, -1}}), float_entry({2, 1, 2}, 0, more.substr(0, 16))},
               {slice_key("w", {{0, -1}, {1, 2}, {0, -1}}), float_entry({2, 2, 2}, 16, more.substr(16))},
               {"w", from_hex("08 01 12 0c 12 02 08 02 12 02 08 03 12 02 08 02 3a 08 0a 00 0a 02 10 01 0a 00"
                              "3a 0a 0a 00 0a 04 08 01 10 02 0a 00")}});
  folder.write("q.data-00000-of-00001", more);
  EXPECT_THAT(BundleReader(folder.file("q")).read_floats("w"), ElementsAre(0, 1, 4, 5, 6, 7, 2, 3, 8, 9, 10, 11));
}

TEST(TensorBundle, PartitionsThatDoNotFit) {
  const TemporaryFolder folder;
  folder.write("p.data-00000-of-00001", counting_floats(12));
  const auto message = [&](const std::map<std::string, std::string>& entries) {
    write_table(folder.file("p.index"), entries);
    return read_everything(folder.file("p"));
  };
  auto entries = partitioned_entries();
  EXPECT_EQ(message(entries), "(no error)");
  entries.erase(std::next(entries.begin()));
  EXPECT_THAT(message(entries), HasSubstr("p.index: tensor w: a slice is missing"));
  entries = partitioned_entries();
  entries["w"] = from_hex("08 01 12 08 12 02 08 04 12 02 08 03 3a 06 0a 02 10 02 0a 00");
  EXPECT_THAT(message(entries), HasSubstr("its slices hold 6 of 12 elements"));
  entries["w"] = from_hex("08 01 12 08 12 02 08 04 12 02 08 03 3a 06 0a 02 10 02 0a 00 3a 06 0a 02 10 02 0a 00");
  EXPECT_THAT(message(entries), HasSubstr("its slices overlap"));
  entries["w"] = from_hex("08 01 12 08 12 02 08 04 12 02 08 03 3a 06 0a 02 10 05 0a 00");
  EXPECT_THAT(message(entries), HasSubstr("a slice outside its shape"));
  entries["w"] = from_hex("08 01 12 08 12 02 08 04 12 02 08 03 3a 04 0a 02 10 02");
  EXPECT_THAT(message(entries), HasSubstr("a slice of another rank"));
}

// Spec formats.md, section 3.3.
TEST(TensorBundle, OrderedCode) {
  const auto number = [](int64_t value) {
    const std::string key = slice_key("", {{value, 0}});
    return to_hex(std::string_view(key).substr(5, key.size() - 6));
  };
  EXPECT_EQ(to_hex(slice_key("", {{0, 0}})),
            "00"
            "0001"
            "0101"
            "80"
            "80");
  EXPECT_EQ(number(63), "bf");
  EXPECT_EQ(number(-64), "40");
  EXPECT_EQ(number(100), "c064");
  EXPECT_EQ(number(-65), "3fbf");
  EXPECT_EQ(number(8192), "e02000");
  EXPECT_EQ(number(0x424242), "f0424242");
  EXPECT_EQ(number(-0x800), "3800");
  EXPECT_EQ(to_hex(slice_key(std::string("a\0\xff", 3), {})),
            "00"
            "61"
            "00ff"
            "ff00"
            "0001"
            "00");
}

std::string big_endian_values() { return from_hex("3f800000 c0000000"); }

TEST(TensorBundle, BigEndianFilesAreSwapped) {
  const TemporaryFolder folder;
  std::string entry = from_hex("08 01 12 04 12 02 08 02 28 08 35");
  append_little(entry, crc32c_mask(crc32c(big_endian_values())));
  write_table(folder.file("b.index"), {{"", from_hex("08 01 10 01 1a 02 08 01")}, {"v", entry}});
  folder.write("b.data-00000-of-00001", big_endian_values());
  EXPECT_THAT(BundleReader(folder.file("b")).read_floats("v"), ElementsAre(1.0F, -2.0F));
}

TEST(TensorBundle, IndexesThatAreRefused) {
  const TemporaryFolder folder;
  folder.write("t.data-00000-of-00001", kData);
  const std::string good = from_hex("08 09 12 00 28 08 35 bb d7 9f 11");
  const auto message = [&](const std::map<std::string, std::string>& entries) {
    write_table(folder.file("t.index"), entries);
    return read_everything(folder.file("t"));
  };
  EXPECT_EQ(message({{"", kHeader}, {"n", good}}), "(no error)");
  EXPECT_THAT(message({}), HasSubstr("t.index: no header"));
  EXPECT_THAT(message({{"n", good}}), HasSubstr("t.index: no header"));
  EXPECT_THAT(message({{"", "\xff"}}), HasSubstr("t.index: its header doesn't parse"));
  EXPECT_THAT(message({{"", from_hex("08 01 1a 04 08 02 10 02")}}), HasSubstr("written in a later format"));
  EXPECT_THAT(message({{"", from_hex("08 01 1a 04 08 02 18 01")}}), HasSubstr("written in a later format"));
  EXPECT_THAT(message({{"", kHeader}, {"n", "\xff"}}), HasSubstr("tensor n: its entry doesn't parse"));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 09 12 00 18 01 28 08 35 bb d7 9f 11")}}),
              HasSubstr("tensor n: in data file 1 of 1"));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 09 12 00 28 04 35 bb d7 9f 11")}}),
              HasSubstr("tensor n: 4 bytes, expected 8 for int64 of shape []"));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 09 12 00 20 0c 28 08 35 bb d7 9f 11")}}),
              AllOf(HasSubstr("t.data-00000-of-00001: tensor n: cut short"), HasSubstr("the file has 16")));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 09 12 0d 12 0b 08 ff ff ff ff ff ff ff ff ff 01 28 08")}}),
              HasSubstr("tensor n: impossible shape"));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 09 12 02 18 01 28 08")}}), HasSubstr("impossible shape"));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 07 12 04 12 02 08 09 28 08")}}),
              HasSubstr("tensor n: 8 bytes for 9 strings"));
  EXPECT_THAT(message({{"", kHeader}, {"n", from_hex("08 09 12 00 28 08 35 bb d7 9f 12")}}),
              HasSubstr("t.data-00000-of-00001: tensor n: damaged: its CRC is 119fd7bb, stored 129fd7bb"));
}

// The size of what we don't know isn't checked, so nothing is taken for it.
TEST(TensorBundle, UnknownTypesOfAnySizeAreRefused) {
  const TemporaryFolder folder;
  folder.write("t.data-00000-of-00001", kData);
  write_table(folder.file("t.index"),
              {{"", kHeader}, {"n", from_hex("08 15 12 0b 12 09 08 80 80 80 80 80 80 80 10 28 08")}});
  const BundleReader reader(folder.file("t"));
  EXPECT_THAT(error_of([&] { reader.read_floats("n"); }), HasSubstr("tensor n: is dtype 21, expected floating point"));
}

// A table of one data block, whose place the index tells as `place`.
std::string table_of(const std::string& block, const std::string& place) {
  std::string table;
  const auto append_block = [&](const std::string& bytes) {
    const std::string typed = bytes + '\0';
    table += typed;
    append_little(table, crc32c_mask(crc32c(typed)));
  };
  const std::string restarts = from_hex("00000000 01000000");
  append_block(block + restarts);
  const size_t index = table.size();
  const std::string entry = std::string{'\0', '\1', static_cast<char>(place.size()), 'z'} + place;
  append_block(entry + restarts);
  std::string footer = from_hex("00 00");
  append_varint(footer, index);
  append_varint(footer, entry.size() + restarts.size());
  footer.resize(40);
  return table + footer + from_hex("57 fb 80 8b 24 75 47 db");
}

// What a table says of sizes is not believed.
TEST(TensorBundle, TablesThatPromiseTooMuch) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& block, uint64_t offset, uint64_t size) {
    std::string place;
    append_varint(place, offset);
    append_varint(place, size);
    const std::string path = folder.write("t.index", table_of(block, place));
    return error_of([&] { read_table(path); });
  };
  const std::string block = from_hex("00 01 02") + "kvv";
  const size_t size = block.size() + 8;
  EXPECT_EQ(message(block, 0, size), "(no error)");
  const std::string outside = "t.index: damaged: a block (data) of ";
  EXPECT_THAT(message(block, 0, uint64_t{1} << 40), HasSubstr(outside + "1099511627776 bytes at byte 0"));
  for (const uint64_t past : {1, 5, 6, 14}) {  // with its trailer it would be small again
    EXPECT_THAT(message(block, 0, uint64_t{0} - past), HasSubstr(outside));
  }
  EXPECT_THAT(message(block, uint64_t{0} - 4, size), HasSubstr(outside));
  EXPECT_THAT(message(block, 0, size - 1), HasSubstr("t.index: damaged: the CRC of the block (data) at byte 0"));
  EXPECT_THAT(message(from_hex("00 ff ff ff ff 0f 02") + "kvv", 0, 18), HasSubstr("t.index: damaged: a damaged entry"));
  EXPECT_THAT(message(from_hex("01 01 02") + "kvv", 0, size), HasSubstr("t.index: damaged: a damaged entry"));
  EXPECT_THAT(message(from_hex("00 01 02") + "kvv" + from_hex("01 00 00"), 0, size + 3),
              HasSubstr("t.index: damaged: its keys aren't in order"));
  // 200 keys of a thousand letters in two thousand bytes.
  std::string long_keys = from_hex("00 e8 07 00") + std::string(1000, 'k');
  for (int i = 0; i < 200; ++i) long_keys += from_hex("e8 07 01 00") + static_cast<char>(i);
  EXPECT_THAT(message(long_keys, 0, long_keys.size() + 8), HasSubstr("t.index: damaged: its keys are impossibly long"));
}

// TensorFlow reads compressed tables, too, though it writes none.
TEST(TensorBundle, CompressedTables) {
  const TemporaryFolder folder;
  leveldb::WritableFile* opened = nullptr;
  ASSERT_TRUE(leveldb::Env::Default()->NewWritableFile(folder.file("t.index"), &opened).ok());
  const std::unique_ptr<leveldb::WritableFile> file(opened);
  leveldb::Options options;
  options.compression = leveldb::kSnappyCompression;
  leveldb::TableBuilder builder(options, file.get());
  std::map<std::string, std::string> entries;
  for (int i = 100; i < 400; ++i) entries[fmt::format("block_{}/kernel", i)] = std::string(60, 'v');
  for (const auto& [key, value] : entries) builder.Add(key, value);
  ASSERT_TRUE(builder.Finish().ok() && file->Close().ok());
  EXPECT_LT(builder.FileSize(), 300U * 30) << "it isn't compressed";
  EXPECT_EQ(read_table(folder.file("t.index")), TableEntries(entries.begin(), entries.end()));
}

// One flipped bit in each byte.
TEST(TensorBundle, EveryDamagedByteOfTheIndexIsFound) {
  const TemporaryFolder folder;
  folder.write("t.data-00000-of-00001", kData);
  size_t harmless = 0;
  for (size_t byte = 0; byte < kIndex.size(); ++byte) {
    std::string bad = kIndex;
    bad[byte] = static_cast<char>(bad[byte] ^ (1 << (byte * 5 % 8)));
    folder.write("t.index", bad);
    const std::string message = read_everything(folder.file("t"));
    if (message == "(no error)") {
      ++harmless;
      // The metaindex, which says nothing here, and the footer behind its handles may be anything.
      EXPECT_TRUE((byte >= 0x52 && byte < 0x5f) || (byte >= 0x72 && byte < 0x9a)) << byte;
    } else {
      EXPECT_THAT(message, AllOf(HasSubstr("t.index: "), testing::Not(HasSubstr("\n")))) << byte;
    }
  }
  EXPECT_LT(harmless, 0x5fU - 0x52 + 0x9a - 0x72);
}

TEST(TensorBundle, EveryCutOfTheIndexIsFound) {
  const TemporaryFolder folder;
  folder.write("t.data-00000-of-00001", kData);
  for (size_t size = 0; size < kIndex.size(); ++size) {
    folder.write("t.index", kIndex.substr(0, size));
    EXPECT_THAT(read_everything(folder.file("t")), HasSubstr("t.index: not a checkpoint's index")) << size;
  }
}

TEST(TensorBundle, EveryDamageOfTheDataIsFound) {
  const TemporaryFolder folder;
  folder.write("t.index", kIndex);
  EXPECT_THAT(read_everything(folder.file("t")), HasSubstr("t.data-00000-of-00001: can't read: No such file"));
  for (size_t bit = 0; bit < kData.size() * 8; ++bit) {
    std::string bad = kData;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    folder.write("t.data-00000-of-00001", bad);
    const char* name = bit < 64 ? "tensor global_step: damaged" : "tensor head/dense/bias: damaged";
    EXPECT_THAT(read_everything(folder.file("t")), AllOf(HasSubstr("t.data-00000-of-00001: "), HasSubstr(name)));
  }
  for (size_t size = 0; size < kData.size(); ++size) {
    folder.write("t.data-00000-of-00001", kData.substr(0, size));
    EXPECT_THAT(read_everything(folder.file("t")), HasSubstr("cut short")) << size;
  }
  EXPECT_THAT(read_everything(folder.file("none")), HasSubstr("none.index: can't read: No such file"));
}

TEST(TensorBundle, DamagedStrings) {
  const TemporaryFolder folder;
  {
    BundleWriter writer(folder.file("s"));
    writer.add_strings("two", std::vector<int64_t>{2}, std::vector<std::string>{"ab", "c"});
    writer.finish();
  }
  const std::string data = folder.file("s.data-00000-of-00001");
  const std::string good = read_file(data);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    folder.write("s.data-00000-of-00001", bad);
    EXPECT_THAT(read_everything(folder.file("s")), HasSubstr("s.data-00000-of-00001: tensor two: damaged")) << bit;
  }
}

TEST(TensorBundle, WriterRefuses) {
  const TemporaryFolder folder;
  BundleWriter writer(folder.file("t"));
  writer.add_int64_scalar("n", 7);
  const std::vector<int64_t> two = {2};
  EXPECT_THAT(error_of([&] { writer.add_int64_scalar("n", 8); }), HasSubstr("tensor n was added already"));
  EXPECT_THAT(error_of([&] { writer.add_int64_scalar("", 8); }), HasSubstr("a tensor needs a name"));
  EXPECT_THAT(error_of([&] { writer.add("m", DataType::kFloat, two, "1234"); }),
              HasSubstr("tensor m: 4 given for shape [2], expected 8"));
  EXPECT_THAT(error_of([&] { writer.add("m", DataType::kString, two, "1234"); }), HasSubstr("can't write string"));
  EXPECT_THAT(error_of([&] { writer.add("m", DataType::kFloat, std::vector<int64_t>{-1}, ""); }),
              HasSubstr("impossible shape [-1]"));
  writer.finish();
  EXPECT_THAT(error_of([&] { writer.add_int64_scalar("o", 8); }), HasSubstr("is finished"));
  EXPECT_THAT(error_of([&] { writer.finish(); }), HasSubstr("is finished"));
  EXPECT_THAT(error_of([&] { BundleWriter nowhere(folder.file("no/t")); }), HasSubstr("can't write"));
}

TEST(TensorBundle, NothingIsSeenBeforeFinish) {
  const TemporaryFolder folder;
  write_tiny(folder.file("t"));
  const std::vector<std::string> before = folder.names();
  {
    BundleWriter writer(folder.file("t"));
    writer.add_int64_scalar("global_step", 8);
    EXPECT_EQ(BundleReader(folder.file("t")).read_int64_scalar("global_step"), 7);
    EXPECT_EQ(folder.names().size(), 3U);
  }
  EXPECT_EQ(folder.names(), before);
  EXPECT_EQ(read_everything(folder.file("t")), "(no error)");
  BundleWriter writer(folder.file("t"));
  writer.add_int64_scalar("global_step", 8);
  writer.finish();
  EXPECT_EQ(BundleReader(folder.file("t")).read_int64_scalar("global_step"), 8);
  EXPECT_EQ(folder.names(), before);
}

// A table of several blocks keeps every entry.
TEST(TensorBundle, LargeIndex) {
  const TemporaryFolder folder;
  BundleWriter writer(folder.file("l"));
  for (int i = 0; i < 20000; ++i) writer.add_int64_scalar(fmt::format("some/long/scope/variable_{:05}/value", i), i);
  writer.finish();
  EXPECT_GT(std::filesystem::file_size(folder.file("l.index")), 2U * 262144);
  const BundleReader reader(folder.file("l"));
  ASSERT_EQ(reader.tensors().size(), 20000U);
  for (int i = 0; i < 20000; i += 199) EXPECT_EQ(reader.read_int64_scalar(reader.tensors()[i].name), i);
}

void expect_described(const std::string& folder, const std::string& prefix) {
  const BundleReader reader(folder + "/" + prefix);
  const auto described = nlohmann::json::parse(read_file(folder + "/" + prefix + ".json"));
  ASSERT_EQ(reader.tensors().size(), described["tensors"].size());
  for (const auto& tensor : described["tensors"]) {
    const TensorInfo* info = reader.find(tensor["name"].get<std::string>());
    ASSERT_NE(info, nullptr) << tensor["name"];
    EXPECT_EQ(data_type_name(info->dtype), tensor["dtype"]) << info->name;
    EXPECT_EQ(info->shape, tensor["shape"].get<std::vector<int64_t>>()) << info->name;
  }
  EXPECT_EQ(reader.read_int64_scalar("global_step"), described["step"]);
}

TEST(TensorBundleGolden, NamesTypesAndShapes) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  expect_described(golden + "/mnasnet-small", "model.ckpt-8");
  expect_described(golden + "/sharded", "model.ckpt-1234");
}

// The norm of every tensor, and its dot product with the fill's s(name, i).
void expect_values(const std::string& prefix, const std::string& list) {
  const BundleReader reader(prefix);
  const auto described = nlohmann::json::parse(read_file(list));
  size_t compared = 0;
  for (const auto& tensor : described["tensors"]) {
    const auto name = tensor["name"].get<std::string>();
    const TensorInfo* info = reader.find(name);
    if (info == nullptr) continue;  // the list may be of a whole from which the checkpoint holds a part
    EXPECT_EQ(info->shape, tensor["shape"].get<std::vector<int64_t>>()) << name;
    const std::vector<float> values = info->dtype == DataType::kFloat
                                          ? reader.read_floats(name)
                                          : std::vector{static_cast<float>(reader.read_int64_scalar(name))};
    double square = 0.0;
    double dot = 0.0;
    for (size_t i = 0; i < values.size(); ++i) {
      square += static_cast<double>(values[i]) * values[i];
      dot += values[i] * golden::symmetric(name, i);
    }
    const auto norm = tensor["norm"].get<double>();
    EXPECT_NEAR(std::sqrt(square), norm, 1e-9 * norm) << name;
    EXPECT_NEAR(dot, tensor["dot"].get<double>(), 1e-9 * norm) << name;
    ++compared;
  }
  EXPECT_EQ(compared, reader.tensors().size());
}

TEST(TensorBundleGolden, Values) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  expect_values(golden + "/tunas-mobilenet_v2-x0.35/model.ckpt-3", golden + "/tunas-mobilenet_v2-x0.35/tensors.json");
  expect_values(golden + "/tunas-proxylessnas_search-controller/model.ckpt-4",
                golden + "/tunas-proxylessnas_search-controller/all_tensors.json");
}

TEST(TensorBundleGolden, DamagedIndexesAreRefused) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  const TemporaryFolder folder;
  const std::string prefix = golden + "/sharded/model.ckpt-1234";
  const std::string good = read_file(prefix + ".index");
  for (int shard = 0; shard < 2; ++shard) {
    const std::string suffix = fmt::format(".data-{:05}-of-00002", shard);
    std::filesystem::create_symlink(std::filesystem::absolute(prefix + suffix), folder.file("s" + suffix));
  }
  const auto refused = testing::AllOf(HasSubstr("s.index: "), testing::Not(HasSubstr("\n")));
  for (size_t i = 1; i < 20; ++i) {
    folder.write("s.index", good.substr(0, good.size() * i / 20));
    EXPECT_THAT(read_everything(folder.file("s")), refused) << i;
    std::string bad = good;
    bad[good.size() * i / 21] ^= '\x10';
    folder.write("s.index", bad);
    EXPECT_THAT(read_everything(folder.file("s")), refused) << i;
  }
  folder.write("s.index", good);
  EXPECT_EQ(read_everything(folder.file("s")), "(no error)");
  std::filesystem::remove(folder.file("s.data-00001-of-00002"));
  EXPECT_THAT(read_everything(folder.file("s")), HasSubstr("s.data-00001-of-00002: can't read: No such file"));
}

TEST(TensorBundleGolden, EveryCheckpointReads) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  int count = 0;
  for (const std::string& index : match_files(golden + "/*/*.index")) {
    const std::string prefix = index.substr(0, index.size() - 6);
    EXPECT_EQ(read_everything(prefix), "(no error)") << prefix;
    ++count;
  }
  EXPECT_GE(count, 6);
}

// The same tensors in the same order give the files that TensorFlow wrote, to the byte.
TEST(TensorBundleGolden, RewritingGivesTheSameBytes) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  const TemporaryFolder folder;
  int count = 0;
  for (const std::string& index : match_files(golden + "/*/*.index")) {
    const std::string prefix = index.substr(0, index.size() - 6);
    const std::string data = prefix + ".data-00000-of-00001";
    if (!std::filesystem::exists(data)) continue;
    const BundleReader reader(prefix);
    BundleWriter writer(folder.file("again"));
    for (const std::string& name : reader.names_in_data_order()) {
      const TensorInfo& info = *reader.find(name);
      writer.add(name, info.dtype, info.shape, reader.read_raw(name));
    }
    writer.finish();
    EXPECT_TRUE(read_file(folder.file("again.index")) == read_file(index)) << prefix;
    EXPECT_TRUE(read_file(folder.file("again.data-00000-of-00001")) == read_file(data)) << prefix;
    ++count;
  }
  EXPECT_GE(count, 5);
}

}  // namespace
}  // namespace netwright
