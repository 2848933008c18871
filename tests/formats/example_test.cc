#include "formats/example.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "formats/support.h"
#include "formats/tfrecord.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kImage = from_hex(R"(
    0a 36 0a 1a 0a 11 69 6d 61 67 65 2f 63 6c 61 73 73 2f 6c 61 62 65 6c 12 05 1a 03 0a 01 01
    0a 18 0a 0d 69 6d 61 67 65 2f 65 6e 63 6f 64 65 64 12 07 0a 05 0a 03 ff d8 ff)");

// An Example with one feature "k" whose Feature message is `feature`.
std::string with_feature(std::string_view feature_hex) {
  const std::string feature = from_hex(feature_hex);
  const auto sized = [](char tag, const std::string& body) {
    return std::string{tag, static_cast<char>(body.size())} + body;
  };
  return sized(0x0a, sized(0x0a, sized(0x0a, "k") + sized(0x12, feature)));
}

TEST(Example, TheKnownMessage) {
  const Example example = Example::parse(kImage);
  EXPECT_THAT(example.keys(), ElementsAre("image/class/label", "image/encoded"));
  EXPECT_EQ(example.int64("image/class/label"), 1);
  ASSERT_NE(example.bytes("image/encoded"), nullptr);
  EXPECT_EQ(*example.bytes("image/encoded"), "\xff\xd8\xff");

  Example made;
  made.set_bytes("image/encoded", "\xff\xd8\xff");
  made.set_int64("image/class/label", 1);
  EXPECT_EQ(test::to_hex(made.serialize()), test::to_hex(kImage));
}

TEST(Example, ListsPackedOrNotConcatenated) {
  EXPECT_EQ(Example::parse(with_feature("1a 03 0a 01 01")).int64("k"), 1);
  EXPECT_EQ(Example::parse(with_feature("1a 02 08 01")).int64("k"), 1);
  EXPECT_EQ(Example::parse(with_feature("1a 04 0a 02 e8 07")).int64("k"), 1000);
  EXPECT_EQ(Example::parse(with_feature("1a 0c 0a 0a ff ff ff ff ff ff ff ff ff 01")).int64("k"), -1);
  EXPECT_EQ(Example::parse(with_feature("12 06 0a 04 00 00 c0 3f")).float32("k"), 1.5F);
  EXPECT_THAT(Example::parse(with_feature("1a 03 0a 01 01 1a 02 08 02")).int64_list("k"), ElementsAre(1, 2));
  EXPECT_THAT(Example::parse(with_feature("0a 03 0a 01 61 0a 02 0a 00")).bytes_list("k"), ElementsAre("a", ""));
}

TEST(Example, ARepeatedKeyCountsTheLastTime) {
  const std::string twice = with_feature("1a 03 0a 01 01") + with_feature("1a 03 0a 01 07");
  EXPECT_EQ(Example::parse(twice).int64("k"), 7);
  EXPECT_EQ(Example::parse(with_feature("1a 03 0a 01 01") + with_feature("")).int64("k"), std::nullopt);
}

TEST(Example, MissingIsNothingAndWrongIsAnError) {
  const Example example = Example::parse(kImage);
  EXPECT_EQ(example.bytes("other"), nullptr);
  EXPECT_EQ(example.int64("other"), std::nullopt);
  EXPECT_EQ(example.float32("other"), std::nullopt);
  EXPECT_TRUE(example.int64_list("other").empty());
  EXPECT_EQ(Example::parse(with_feature("")).bytes("k"), nullptr);
  EXPECT_TRUE(Example::parse(with_feature("")).contains("k"));

  EXPECT_EQ(error_of([&] { example.int64("image/encoded"); }), "feature image/encoded holds bytes, expected int64");
  EXPECT_EQ(error_of([&] { example.bytes("image/class/label"); }),
            "feature image/class/label holds int64, expected bytes");
  EXPECT_EQ(error_of([&] { example.float_list("image/class/label"); }),
            "feature image/class/label holds int64, expected float");
  EXPECT_EQ(error_of([] { Example::parse(with_feature("1a 04 0a 02 01 02")).int64("k"); }),
            "feature k holds 2 int64 values, expected one");
  EXPECT_EQ(error_of([] { Example::parse(with_feature("0a 00")).bytes("k"); }),
            "feature k holds 0 bytes values, expected one");
}

TEST(Example, NotAnExample) {
  EXPECT_THAT(error_of([] { Example::parse("\x01"); }), HasSubstr("not a tf.train.Example: 1 bytes"));
  for (size_t size = 1; size < kImage.size(); ++size) {
    EXPECT_THAT(error_of([&] { Example::parse(kImage.substr(0, size)); }), HasSubstr("not a tf.train.Example")) << size;
  }
  EXPECT_TRUE(Example::parse("").keys().empty());
}

TEST(Example, RoundTripOfEveryKind) {
  Example example;
  example.set_floats("floats", {1.5F, -2.0F, std::numeric_limits<float>::infinity()});
  example.set_int64("least", std::numeric_limits<int64_t>::min());
  example.set_bytes("\xff not text", std::string("\0a", 2));
  const Example again = Example::parse(example.serialize());
  EXPECT_THAT(again.float_list("floats"), ElementsAre(1.5F, -2.0F, std::numeric_limits<float>::infinity()));
  EXPECT_EQ(again.int64("least"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(*again.bytes("\xff not text"), std::string("\0a", 2));
  EXPECT_EQ(again.serialize(), example.serialize());
}

// Bytes as the golden description has them: text, code points up to 255 for bytes, or length and digest.
void expect_bytes(const std::string& value, const nlohmann::json& expected, const std::string& where) {
  if (expected.is_object()) {
    EXPECT_EQ(value.size(), expected["bytes"]) << where;
    EXPECT_EQ(test::sha256(value), expected["sha256"]) << where;
    return;
  }
  std::string latin1;
  const auto text = expected.get<std::string>();
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      latin1.push_back(text[i]);
    } else {
      latin1.push_back(static_cast<char>((byte & 3) << 6 | (text[++i] & 0x3f)));
    }
  }
  EXPECT_EQ(value, latin1) << where;
}

void expect_example(const Example& example, const nlohmann::json& features, const std::string& where) {
  std::vector<std::string> keys;
  for (const auto& [key, feature] : features.items()) {
    keys.push_back(key);
    const auto& values = feature["value"];
    if (feature["kind"].is_null()) {
      EXPECT_TRUE(example.contains(key)) << where;
      EXPECT_EQ(example.bytes(key), nullptr) << where;
    } else if (feature["kind"] == "bytes_list") {
      const auto list = example.bytes_list(key);
      ASSERT_EQ(list.size(), values.size()) << where;
      for (size_t i = 0; i < list.size(); ++i) expect_bytes(list[i], values[i], where + " " + key);
    } else if (feature["kind"] == "int64_list") {
      EXPECT_THAT(example.int64_list(key), testing::ElementsAreArray(values.get<std::vector<int64_t>>())) << where;
    } else {
      EXPECT_THAT(example.float_list(key), testing::ElementsAreArray(values.get<std::vector<float>>())) << where;
    }
  }
  EXPECT_THAT(example.keys(), testing::ElementsAreArray(keys)) << where;
}

// The label's key in each layout, from spec formats.md section 2.
std::string label_key(const Example& example) {
  return example.contains("image/class/label") ? "image/class/label" : "label";
}

TEST(ExampleGolden, FeaturesOfEveryFile) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  int compared = 0;
  const nlohmann::json described = nlohmann::json::parse(read_file(golden + "/formats.json")).at("files");
  for (const auto& [name, about] : described.items()) {
    if (!about.contains("examples") || name == "odd.tfrecord") continue;
    RecordReader reader(golden + "/" + name);
    std::string record;
    for (size_t i = 0; reader.next(record); ++i) {
      const Example example = Example::parse(record);
      if (about.contains("labels")) {
        EXPECT_EQ(example.int64(label_key(example)), about["labels"][i]) << name;
      }
      if (i >= about["examples"].size()) continue;
      expect_example(example, about["examples"][i], name);
      ++compared;
    }
  }
  EXPECT_GE(compared, 4);
}

TEST(ExampleGolden, OddRecords) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  const auto about = nlohmann::json::parse(read_file(golden + "/formats.json")).at("files").at("odd.tfrecord");
  RecordReader reader(golden + "/odd.tfrecord");
  std::vector<std::string> records;
  for (std::string record; reader.next(record);) records.push_back(record);
  ASSERT_EQ(records.size(), 5U);
  EXPECT_TRUE(Example::parse(records[0]).keys().empty());
  EXPECT_THAT(error_of([&] { Example::parse(records[1]); }), HasSubstr("not a tf.train.Example"));
  EXPECT_TRUE(Example::parse(records[2]).keys().empty());
  expect_example(Example::parse(records[3]), about["examples"][0], "odd.tfrecord");
  const Example unlabelled = Example::parse(records[4]);
  EXPECT_NE(unlabelled.bytes("image/encoded"), nullptr);
  EXPECT_EQ(unlabelled.int64("image/class/label"), std::nullopt);
}

}  // namespace
}  // namespace netwright
