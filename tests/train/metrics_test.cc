#include "train/metrics.h"

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
  EXPECT_EQ(last_metrics_step(folder.path()), 20);
  MetricsLog log(folder.path(), 15);
  EXPECT_EQ(read_file(folder.file("metrics.jsonl")), "{\"step\":10,\"loss\":1}\n");
  log.write(20, {{"loss", 3.0}});
  EXPECT_EQ(read_file(folder.file("metrics.jsonl")), "{\"step\":10,\"loss\":1}\n{\"step\":20,\"loss\":3.0}\n");
}

TEST(Metrics, NoneYet) {
  const TemporaryFolder folder;
  EXPECT_EQ(last_metrics_step(folder.path()), -1);
}

}  // namespace
}  // namespace netwright
