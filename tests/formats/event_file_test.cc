#include "formats/event_file.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "formats/support.h"
#include "formats/tfrecord.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::from_hex;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kFile = from_hex(R"(
    18 00 00 00 00 00 00 00 a3 7f 4b 22 09 00 00 00 40 fc 54 d9 41 1a 0d 62 72 61 69 6e 2e 45 76 65
    6e 74 3a 32 ec ed 8f 9d
    1a 00 00 00 00 00 00 00 12 9b d8 2d 09 00 00 40 40 fc 54 d9 41 10 0a 2a 0d 0a 0b 0a 04 6c 6f 73
    73 15 00 00 00 3f 5d ca db a0)");

std::vector<std::string> records_of(const std::string& path) {
  RecordReader reader(path);
  std::vector<std::string> records;
  for (std::string record; reader.next(record);) records.push_back(record);
  return records;
}

TEST(EventFile, TheKnownFile) {
  const TemporaryFolder folder;
  const EventFile file = read_events(folder.write("events", kFile));
  EXPECT_EQ(file.version, "brain.Event:2");
  ASSERT_EQ(file.scalars.size(), 1U);
  EXPECT_EQ(file.scalars[0].wall_time, 1700000001.0);
  EXPECT_EQ(file.scalars[0].step, 10);
  EXPECT_EQ(file.scalars[0].tag, "loss");
  EXPECT_EQ(file.scalars[0].value, 0.5);
  EXPECT_TRUE(file.skipped.empty());
}

TEST(EventFile, WritesTheKnownBytes) {
  const TemporaryFolder folder;
  EventWriter writer(folder.file("made/here"));
  writer.scalar("loss", 0.5, 10, 1700000001.0);
  writer.flush();
  EXPECT_THAT(writer.path(), HasSubstr("/made/here/events.out.tfevents."));
  const std::string bytes = read_file(writer.path());
  EXPECT_EQ(test::to_hex(bytes.substr(40)), test::to_hex(kFile.substr(40)));
  // The wall time of the version is the present one; the rest is known.
  EXPECT_EQ(test::to_hex(bytes.substr(0, 13)), test::to_hex(kFile.substr(0, 13)));
  EXPECT_EQ(test::to_hex(bytes.substr(21, 15)), test::to_hex(kFile.substr(21, 15)));
}

TEST(EventFile, VersionIsOnTheDiskAtOnceAndPointsAtTheEnd) {
  const TemporaryFolder folder;
  std::string path;
  {
    EventWriter writer(folder.path());
    path = writer.path();
    EXPECT_EQ(read_events(path).version, "brain.Event:2");
    for (int step = 0; step < 3; ++step) writer.scalar("accuracy", 0.25 * step, step);
  }
  const EventFile file = read_events(path);
  ASSERT_EQ(file.scalars.size(), 3U);
  EXPECT_EQ(file.scalars[2].value, 0.5);
  EXPECT_EQ(file.scalars[2].step, 2);
  EXPECT_GT(file.scalars[0].wall_time, 1.6e9);
  EXPECT_GE(file.scalars[2].wall_time, file.scalars[0].wall_time);
}

TEST(EventFile, TwoWritersInOneSecondHaveTwoFiles) {
  const TemporaryFolder folder;
  const EventWriter first(folder.path());
  const EventWriter second(folder.path());
  EXPECT_LT(first.path(), second.path());
}

TEST(EventFile, ADeletedFileIsReplaced) {
  const TemporaryFolder folder;
  EventWriter writer(folder.path());
  const std::string first = writer.path();
  writer.scalar("loss", 1.0, 1);
  std::filesystem::remove(first);
  writer.flush();
  EXPECT_NE(writer.path(), first);
  writer.scalar("loss", 2.0, 2);
  writer.flush();
  const EventFile file = read_events(writer.path());
  ASSERT_EQ(file.scalars.size(), 1U);
  EXPECT_EQ(file.scalars[0].value, 2.0);
}

TEST(EventFile, ScalarTensors) {
  const TemporaryFolder folder;
  const auto event = [&](const char* value_hex) {
    const std::string value = from_hex(value_hex);
    const auto sized = [](char tag, const std::string& body) {
      return std::string{tag, static_cast<char>(body.size())} + body;
    };
    RecordWriter writer(folder.file("events"));
    writer.write(sized('\x2a', sized('\x0a', value)));
    writer.close();
    return read_events(folder.file("events"));
  };
  // Spec formats.md, section 4.4: tag, tensor with its float in float_val, metadata of the plugin.
  const EventFile known =
      event("0a 04 6c 6f 73 73 42 0a 08 01 12 00 2a 04 00 00 00 3f 4a 0d 0a 09 0a 07 73 63 61 6c 61 72 73 20 01");
  ASSERT_EQ(known.scalars.size(), 1U);
  EXPECT_EQ(known.scalars[0].tag, "loss");
  EXPECT_EQ(known.scalars[0].value, 0.5);
  const EventFile content = event("0a 04 6c 6f 73 73 42 0a 08 01 12 00 22 04 00 00 00 3f");
  ASSERT_EQ(content.scalars.size(), 1U);
  EXPECT_EQ(content.scalars[0].value, 0.5);
  EXPECT_THAT(event("0a 01 61 42 0c 08 01 12 04 12 02 08 01 22 02 00 00").skipped, ElementsAre(Pair("tensor", 1)));
}

TEST(EventFile, NotAnEventFile) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_events(folder.write("cut", kFile.substr(0, 60))); }),
              HasSubstr("cut: record 1 at byte 40: truncated record"));
  RecordWriter writer(folder.file("other"));
  writer.write("\x01");
  writer.close();
  EXPECT_THAT(error_of([&] { read_events(folder.file("other")); }),
              HasSubstr("other: record 0 at byte 0: not an event"));
}

TEST(EventFileGolden, WhatTensorFlowWrote) {
  NETWRIGHT_NEEDS_GOLDEN("formats");
  const auto described = nlohmann::json::parse(read_file(golden + "/formats.json"));
  const std::string path = golden + "/events/events.out.tfevents.golden";
  const EventFile file = read_events(path);
  EXPECT_EQ(records_of(path).size(), described["events"].size());
  size_t scalars = 0;
  std::map<std::string, int64_t> skipped;
  for (const auto& event : described["events"]) {
    if (event["what"] == "file_version") {
      EXPECT_EQ(file.version, event["file_version"]);
    } else if (event["what"] == "summary") {
      for (const auto& value : event["values"]) {
        if (value["kind"] != "simple_value") {
          ++skipped[value["kind"].get<std::string>()];
          continue;
        }
        ASSERT_LT(scalars, file.scalars.size());
        const ScalarEvent& ours = file.scalars[scalars++];
        EXPECT_EQ(ours.tag, value["tag"]);
        EXPECT_EQ(ours.value, value["value"].get<double>());
        EXPECT_EQ(ours.step, event["step"]);
        EXPECT_EQ(ours.wall_time, event["wall_time"].get<double>());
      }
    } else {
      ++skipped[event["what"].get<std::string>()];
    }
  }
  EXPECT_EQ(scalars, file.scalars.size());
  EXPECT_EQ(file.skipped, skipped);
}

}  // namespace
}  // namespace netwright
