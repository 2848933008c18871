#include "formats/safetensors.h"

#include "core/file.h"
#include "formats/little_endian.h"
#include "formats/support.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kKnown = from_hex(R"(
    70 00 00 00 00 00 00 00 7b 22 6e 22 3a 7b 22 64 74 79 70 65 22 3a 22 49 36 34 22 2c 22 73 68 61
    70 65 22 3a 5b 5d 2c 22 64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 30 2c 38 5d 7d 2c 22 62 22
    3a 7b 22 64 74 79 70 65 22 3a 22 46 33 32 22 2c 22 73 68 61 70 65 22 3a 5b 32 5d 2c 22 64 61 74
    61 5f 6f 66 66 73 65 74 73 22 3a 5b 38 2c 31 36 5d 7d 7d 20 20 20 20 20 07 00 00 00 00 00 00 00
    00 00 80 3f 00 00 00 c0)");

std::string file_of(std::string_view header, std::string_view data) {
  std::string file;
  append_little<uint64_t>(file, header.size());
  return file.append(header).append(data);
}

TEST(Safetensors, TheKnownFile) {
  const TemporaryFolder folder;
  const SafetensorsReader reader(folder.write("known", kKnown));
  ASSERT_EQ(reader.tensors().size(), 2U);
  EXPECT_EQ(reader.tensors()[0].name, "n");
  EXPECT_EQ(reader.tensors()[0].dtype, "I64");
  EXPECT_TRUE(reader.tensors()[0].shape.empty());
  EXPECT_EQ(reader.tensors()[1].offset, 128U);
  EXPECT_THAT(reader.tensors()[1].shape, ElementsAre(2));
  EXPECT_THAT(reader.read_ints("n"), ElementsAre(7));
  EXPECT_THAT(reader.read_floats("b"), ElementsAre(1.0F, -2.0F));
  EXPECT_THAT(reader.read_doubles("b"), ElementsAre(1.0, -2.0));
  EXPECT_EQ(reader.read_raw("n").size(), 8U);
  EXPECT_TRUE(reader.contains("b"));
  EXPECT_FALSE(reader.contains("c"));

  SafetensorsWriter writer;
  writer.add_floats("b", {2}, std::vector<float>{1.0F, -2.0F});
  writer.add_ints("n", {}, std::vector<int64_t>{7});
  writer.write(folder.file("ours"));
  EXPECT_EQ(test::to_hex(read_file(folder.file("ours"))), test::to_hex(kKnown));
  EXPECT_THAT(folder.names(), ElementsAre("known", "ours"));
}

TEST(Safetensors, MetadataAndEmptyTensors) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  writer.set_metadata("format", "pt");
  writer.set_metadata("quote\"", "new\nline");
  writer.add_floats("none", {0, 3}, {});
  writer.add_doubles("d", {1}, std::vector<double>{0.1});
  writer.write(folder.file("f"));
  EXPECT_THAT(read_file(folder.file("f")).substr(8), testing::StartsWith(R"({"__metadata__":{"format":"pt",)"));
  const SafetensorsReader reader(folder.file("f"));
  EXPECT_THAT(reader.metadata(), ElementsAre(testing::Pair("format", "pt"), testing::Pair("quote\"", "new\nline")));
  EXPECT_TRUE(reader.read_floats("none").empty());
  EXPECT_EQ(reader.read_doubles("d"), std::vector<double>{0.1});

  SafetensorsWriter nothing;
  nothing.write(folder.file("nothing"));
  EXPECT_TRUE(SafetensorsReader(folder.file("nothing")).tensors().empty());
}

// IEEE 754: 1, -2, the largest half 65504, the smallest subnormal half 2^-24, infinity; bfloat16 is a float's upper
// half.
TEST(Safetensors, ShortFloats) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  writer.add("h", "F16", {6}, from_hex("003c 00c0 ff7b 0100 007c 0080"));
  writer.add("b", "BF16", {3}, from_hex("803f 49c0 807f"));
  writer.write(folder.file("f"));
  const SafetensorsReader reader(folder.file("f"));
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(reader.read_floats("h"), ElementsAre(1.0F, -2.0F, 65504.0F, 0x1p-24F, infinity, -0.0F));
  EXPECT_THAT(reader.read_doubles("b"), ElementsAre(1.0, -3.140625, infinity));
}

TEST(Safetensors, Integers) {
  const TemporaryFolder folder;
  SafetensorsWriter writer;
  writer.add("i8", "I8", {2}, from_hex("ff 7f"));
  writer.add("u8", "U8", {2}, from_hex("ff 7f"));
  writer.add("i16", "I16", {1}, from_hex("feff"));
  writer.add("u16", "U16", {1}, from_hex("feff"));
  writer.add("i32", "I32", {1}, from_hex("fdffffff"));
  writer.add("u32", "U32", {1}, from_hex("fdffffff"));
  writer.add("bool", "BOOL", {2}, from_hex("01 00"));
  writer.write(folder.file("f"));
  const SafetensorsReader reader(folder.file("f"));
  EXPECT_THAT(reader.read_ints("i8"), ElementsAre(-1, 127));
  EXPECT_THAT(reader.read_ints("u8"), ElementsAre(255, 127));
  EXPECT_THAT(reader.read_ints("i16"), ElementsAre(-2));
  EXPECT_THAT(reader.read_ints("u16"), ElementsAre(65534));
  EXPECT_THAT(reader.read_ints("i32"), ElementsAre(-3));
  EXPECT_THAT(reader.read_ints("u32"), ElementsAre(4294967293));
  EXPECT_THAT(reader.read_ints("bool"), ElementsAre(1, 0));
  EXPECT_THAT(error_of([&] { reader.read_floats("i8"); }), HasSubstr("f: tensor i8: is I8, expected floating point"));
  EXPECT_THAT(error_of([&] { reader.read_floats("other"); }), HasSubstr("f: no tensor other"));
}

TEST(Safetensors, TwoTensorsMayBeginAtOnePlaceWhenOneIsEmpty) {
  const TemporaryFolder folder;
  const SafetensorsReader reader(folder.write("f", file_of(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                                           R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                                                           "x")));
  EXPECT_EQ(reader.tensors().size(), 2U);
}

struct Bad {
  std::string file;
  std::string message;
};

std::string one(std::string_view members) { return fmt::format(R"({{"t":{{{}}}}})", members); }

TEST(Safetensors, DamagedFiles) {
  const TemporaryFolder folder;
  std::string huge;
  append_little<uint64_t>(huge, 100'000'001);
  std::string beyond;
  append_little<uint64_t>(beyond, 9);
  const std::vector<Bad> cases = {
      {"1234567", "7 bytes, expected at least 8"},
      {huge + "{}", "a header of 100000001 bytes, expected at most 100000000"},
      {beyond + "{}", "cut short: a header of 9 bytes in a file of 10"},
      {file_of("", ""), "the header isn't a JSON object"},
      {file_of(" {}", ""), "the header isn't a JSON object"},
      {file_of("{\"\xff\":1}", ""), "the header isn't valid JSON"},
      {file_of("{\"t\":", ""), "the header isn't valid JSON"},
      {file_of("{} x", ""), "the header isn't valid JSON"},
      {file_of(R"({"t":[]})", ""), R"(tensor "t": expected an object, found array)"},
      {file_of(one(R"("shape":[],"data_offsets":[0,0])"), ""), "dtype is missing"},
      {file_of(one(R"("dtype":"F31","shape":[],"data_offsets":[0,4])"), "1234"), R"(unknown dtype "F31")"},
      {file_of(one(R"("dtype":"F32","data_offsets":[0,4])"), "1234"), "shape isn't an array"},
      {file_of(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "1234"), "shape has -1"},
      {file_of(one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "1234"), "shape has 1.0"},
      {file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), "1234"), "data_offsets has 1 numbers"},
      {file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "1234"), "go from 4 back to 0"},
      {file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[1,5])"), "12345"),
       "begins at 1 of the data, expected 0"},
      {file_of(one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])"), "1234"),
       "impossibly large"},
      {file_of(one(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"), "1"), "12 bits aren't whole bytes"},
      {file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), "1234"), "4 bytes of data, expected 8"},
      {file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "12345"), "5 bytes of data, expected 4"},
      {file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "123"), "3 bytes of data, expected 4"},
      {file_of(R"({"__metadata__":{"a":1}})", ""), R"(__metadata__ "a" isn't a string)"},
      {file_of(R"({"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
               R"("t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
               ""),
       R"(names "t" twice)"},
  };
  for (const Bad& bad : cases) {
    const std::string path = folder.write("bad", bad.file);
    const std::string message = error_of([&] { SafetensorsReader reader(path); });
    EXPECT_THAT(message, testing::AllOf(HasSubstr("bad: "), HasSubstr(bad.message)));
    EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
  }
}

TEST(Safetensors, WriterRefuses) {
  SafetensorsWriter writer;
  writer.add_ints("n", {}, std::vector<int64_t>{7});
  EXPECT_THAT(error_of([&] { writer.add_ints("n", {}, std::vector<int64_t>{7}); }),
              HasSubstr("tensor n: the name is taken"));
  EXPECT_THAT(error_of([&] { writer.add_ints("m", {2}, std::vector<int64_t>{7}); }),
              HasSubstr("tensor m: 8 bytes don't fit"));
  EXPECT_THAT(error_of([&] { writer.add("o", "F31", {}, ""); }), HasSubstr("tensor o: unknown dtype F31"));
  EXPECT_THAT(error_of([&] { writer.write("/no/such/folder/f"); }), HasSubstr("can't write"));
}

TEST(SafetensorsGolden, StoredLogits) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  const SafetensorsReader reader(golden + "/mnasnet-small/logits.safetensors");
  const SafeTensor* logits = reader.find("logits_eval_raw");
  ASSERT_NE(logits, nullptr);
  EXPECT_EQ(reader.read_floats("logits_eval_raw").size(), 2000U);
}

}  // namespace
}  // namespace netwright
