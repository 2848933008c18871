// `netwright data fake`, `check` and `inspect` as a user runs them, and conversions that are stopped or can't be
// written.
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "commands/subprocess.h"
#include "core/file.h"
#include "data/decode.h"
#include "resume/child.h"
#include "support/testing.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class DataTools : public ::testing::Test {
 protected:
  std::vector<std::string> fake_words(const std::string& output, const std::string& images = "60") const {
    return {"data",        "fake",        output,       "--train_images=" + images, "--validation_images=6",
            "--classes=4", "--height=24", "--width=32", "--train_shards=5"};
  }
  ProgramResult fake(const std::string& output) { return run_netwright(fake_words(output)); }

  // `data fake` by a shell, with `before` in front of it and `after` behind.
  ProgramResult shell(const std::string& before, const std::string& output, const std::string& after) {
    std::string line = before + " " NETWRIGHT_BINARY_DIR "/netwright";
    for (const std::string& word : fake_words(output)) line += " " + word;
    return run({"sh", "-c", line + " " + after});
  }

  TemporaryFolder folder_;
};

TEST_F(DataTools, FakeDataAreGood) {
  const std::string data = folder_.file("data[1]");  // a name, not a pattern
  const ProgramResult made = fake(data);
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out, data + ": 60 training and 6 validation images of 4 classes, 24 x 32 pixels\n");
  const ProgramResult checked = run_netwright({"data", "check", data});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_EQ(checked.out, "train: 60 in 5 files\nvalidation: 6 in 1 file\nall good\n");
  EXPECT_THAT(run_netwright({"data", "fake", data, "--train_images=7"}).err, HasSubstr("in the way"));
}

TEST_F(DataTools, CheckListsWhatIsBad) {
  const std::string data = folder_.file("data");
  fake(data);
  const std::string shard = data + "/train-00001-of-00005";
  std::string bytes = read_file(shard);
  bytes[300] = static_cast<char>(bytes[300] ^ 1);
  write_file_atomically(shard, bytes);
  fs::remove(data + "/train-00004-of-00005");
  const ProgramResult checked = run_netwright({"data", "check", data});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_THAT(checked.out, AllOf(HasSubstr("train-*-of-00005: 1 of 5 shards are missing: 00004\n"),
                                 HasSubstr(shard + ", record 0 at byte 0: corrupted payload"), EndsWith("2 faults\n")));
  const ProgramResult listed = run_netwright({"data", "check", data, "--json"});
  EXPECT_EQ(listed.exit_code, 1);
  const Json json = Json::parse(listed.out);
  ASSERT_EQ(json["faults"].size(), 2U);
  EXPECT_EQ(json["faults"][1]["file"], shard);
  EXPECT_EQ(json["faults"][1]["record"], 0);
  EXPECT_EQ(json["faults"][1]["offset"], 0);
  EXPECT_EQ(json["sets"][0]["items"], 48);
  EXPECT_THAT(run_netwright({"data", "check", data, "--show=1"}).out, HasSubstr("... and 1 more\n"));
}

TEST_F(DataTools, CheckOfNothing) {
  const ProgramResult none = run_netwright({"data", "check", folder_.file("none")});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("netwright data check: no file matches " + folder_.file("none")));
  EXPECT_EQ(run_netwright({"data", "check", folder_.path()}).exit_code, 2);
  folder_.write("train-00000-of-00001", "");
  const ProgramResult empty = run_netwright({"data", "check", folder_.path()});
  EXPECT_EQ(empty.exit_code, 1);
  EXPECT_THAT(empty.out, HasSubstr("train: no records in 1 file"));
}

TEST_F(DataTools, InspectTellsAndDraws) {
  const std::string data = folder_.file("data");
  fake(data);
  const std::string sheet = folder_.file("sheet.png");
  const ProgramResult told = run_netwright({"data", "inspect", data, "--sheet=" + sheet, "--pictures=6"});
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_THAT(told.out,
              AllOf(HasSubstr("train: 60 records in 5 files, TFRecords"), HasSubstr("layout: imagenet_to_gcs"),
                    HasSubstr("labels: 1..4 (4 classes seen), label base 1"), HasSubstr("15  2 class_0002")));
  const Image image = decode_image(read_file(sheet));
  EXPECT_GT(image.width(), 8 * 128);
  const Json json = Json::parse(run_netwright({"data", "inspect", data, "--json", "--sample=0"}).out);
  EXPECT_EQ(json[0]["items"], 60);
  EXPECT_EQ(json[0]["labels"]["base"], 1);
  EXPECT_EQ(json[0]["labels"]["counts"]["3"], 15);
  EXPECT_EQ(json[1]["pictures"]["width"]["median"], 32);
  EXPECT_EQ(run_netwright({"data", "inspect", data, "--sheet=" + folder_.file("no/sheet.png")}).exit_code, 2);
}

TEST_F(DataTools, NamesDoNotReachTheTerminalRaw) {
  fs::create_directory(folder_.file("a\x1b[31m"));
  folder_.write("a\x1b[31m/1.jpg", "");
  for (const char* command : {"inspect", "check"}) {
    const ProgramResult told = run_netwright({"data", command, folder_.path()});
    EXPECT_EQ(told.exit_code, 1);
    EXPECT_THAT(told.out, AllOf(HasSubstr("a\\x1b[31m/1.jpg: the file is empty\n"), Not(HasSubstr("\x1b"))));
  }
}

TEST_F(DataTools, KilledAndGivenAgainGivesTheSame) {
  const std::string whole = folder_.file("whole");
  const std::string killed = folder_.file("killed");
  const std::string images = "3000";  // enough work to be met in the middle of it
  run_netwright(fake_words(whole, images));
  const auto has_partial = [&] { return !match_files(killed + "/.*.partial").empty(); };
  int killed_in_a_shard = 0;
  for (const size_t finished : {0, 1, 2}) {
    test::Child child(fake_words(killed, images), folder_.file("log"));
    ASSERT_TRUE(child.wait_until([&] { return match_files(killed + "/train-*").size() >= finished && has_partial(); }))
        << "it ended before it could be killed";
    child.signal(SIGKILL);
    EXPECT_EQ(child.wait(), 128 + SIGKILL);
    killed_in_a_shard += has_partial() ? 1 : 0;
  }
  EXPECT_GT(killed_in_a_shard, 0);
  const ProgramResult last = run_netwright(fake_words(killed, images));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  for (const auto& entry : fs::directory_iterator(whole)) {
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(read_file(killed + "/" + name), read_file(entry.path().string())) << name;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(killed), {}), std::distance(fs::directory_iterator(whole), {}));
  // Nothing is left to be done.
  const auto written = fs::last_write_time(killed + "/train-00000-of-00005");
  EXPECT_THAT(run_netwright(fake_words(killed, images)).err, HasSubstr("6 shards are there already"));
  EXPECT_EQ(fs::last_write_time(killed + "/train-00000-of-00005"), written);
}

TEST_F(DataTools, ADiskThatIsFull) {
  const std::string data = folder_.file("data");
  // No file may be longer than 2 KiB: as a write fails when a disk is full.
  const ProgramResult result = shell("trap '' XFSZ; ulimit -f 4;", data, "");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(".partial: can't write: "));
  EXPECT_FALSE(fs::exists(data + "/train-00000-of-00005"));
  EXPECT_FALSE(fs::exists(data + "/labels.txt"));
  EXPECT_EQ(fake(data).exit_code, 0);
}

TEST_F(DataTools, FoldersThatCanNotBeWritten) {
  const std::string data = folder_.file("data");
  fake(data);
  const ProgramResult other = run_netwright({"data", "fake", data, "--train_images=7"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("in the way; it was written from other data or with other settings"));
  folder_.write("file", "");
  EXPECT_EQ(fake(folder_.file("file")).exit_code, 2);
  EXPECT_EQ(fake("/proc/none").exit_code, 2);
  const ProgramResult held = run(
      {"sh", "-c", "exec 9> " + data + "/.lock; flock 9; exec " NETWRIGHT_BINARY_DIR "/netwright data fake " + data});
  EXPECT_EQ(held.exit_code, 2);
  EXPECT_THAT(held.err, HasSubstr("is in use: another process holds it"));
}

TEST_F(DataTools, NumbersThatMakeNoSense) {
  EXPECT_EQ(run_netwright({"data", "fake", folder_.file("x"), "--classes=0"}).exit_code, 2);
  const ProgramResult none =
      run_netwright({"data", "fake", folder_.file("x"), "--train_images=0", "--validation_images=0"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("0 images in all; expected 1 to"));
  EXPECT_FALSE(fs::exists(folder_.file("x")));
}

}  // namespace
}  // namespace netwright
