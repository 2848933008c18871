#include "train/metrics.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "formats/support.h"

namespace netwright {
namespace {

using test::TemporaryFolder;

TEST(Metrics, LinesAndEvents) {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), 0);
    log.write(10, {{"loss", 0.5}, {"learning_rate", 0.1}});
  }
  EXPECT_EQ(read_file(folder.file("metrics.jsonl")), "{\"step\":10,\"loss\":0.5,\"learning_rate\":0.1}\n");
  const EventFile events = read_events(match_files(folder.file("events.*")).at(0));
  ASSERT_EQ(events.scalars.size(), 2U);
  EXPECT_EQ(events.scalars[1].tag, "learning_rate");
  EXPECT_EQ(events.scalars[1].step, 10);
}

TEST(Metrics, ResumingDropsWhatComesAgain) {
  const TemporaryFolder folder;
  folder.write("metrics.jsonl", "{\"step\":10,\"loss\":1}\n{\"step\":20,\"loss\":2}\n{\"step\":30,\"lo");
  MetricsLog log(folder.path(), 15);
  EXPECT_EQ(read_file(folder.file("metrics.jsonl")), "{\"step\":10,\"loss\":1}\n");
  log.write(20, {{"loss", 3.0}});
  EXPECT_EQ(read_file(folder.file("metrics.jsonl")), "{\"step\":10,\"loss\":1}\n{\"step\":20,\"loss\":3.0}\n");
}

// The lines are a stranger's to delete; training goes on.
TEST(Metrics, ADeletedFileIsReplaced) {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), 0);
  log.write(10, {{"loss", 1.0}});
  std::filesystem::remove(folder.file("metrics.jsonl"));
  testing::internal::CaptureStderr();
  log.write(20, {{"loss", 2.0}});
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("metrics.jsonl: deleted by another process; its lines are lost"));
  EXPECT_EQ(read_file(folder.file("metrics.jsonl")), "{\"step\":20,\"loss\":2.0}\n");
}

TEST(Metrics, LinesAreFoundByTheirNotes) {
  const TemporaryFolder folder;
  const std::vector<MetricNote> notes = {{"by", "train"}, {"weights", "raw"}};
  EXPECT_FALSE(has_metrics(folder.path(), 10, notes));
  MetricsLog log(folder.path());
  log.write(10, {{"loss", 1.0}});  // as earlier versions wrote it
  log.write(10, {{"loss", 1.0}}, std::vector<MetricNote>{{"by", "train"}, {"weights", "averaged"}});
  EXPECT_FALSE(has_metrics(folder.path(), 10, notes));
  log.write(10, {{"loss", 1.0}}, std::vector<MetricNote>{{"by", "train"}, {"weights", "raw"}, {"data", "d\xff"}});
  EXPECT_TRUE(has_metrics(folder.path(), 10, notes));
  EXPECT_FALSE(has_metrics(folder.path(), 20, notes));
  EXPECT_THAT(read_file(folder.file("metrics.jsonl")), testing::HasSubstr("\"data\":\"d\xef\xbf\xbd\"}"));
}

// What TensorBoard goes by when a run was resumed.
TEST(Metrics, ARunSaysFromWhichStepItsEventsCount) {
  const TemporaryFolder folder;
  { const MetricsLog log(folder.path(), 15); }
  const std::string path = match_files(folder.file("events.*")).at(0);
  EXPECT_EQ(read_events(path).skipped.at("session_log"), 1);
  // Event.step = 16, Event.session_log.status = START
  EXPECT_THAT(read_file(path), testing::HasSubstr("\x10\x10\x3a\x02\x08\x01"));
}

}  // namespace
}  // namespace netwright
