// The best checkpoint kept apart, and what watches for new ones.
#include "train/archive.h"

#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "formats/checkpoint_state.h"
#include "formats/tensor_bundle.h"
#include "support/testing.h"
#include "train/checkpoint_watcher.h"
#include "train/signals.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

class Archive : public ::testing::Test {
 protected:
  // A small checkpoint with its state file.
  std::string save(int64_t step) {
    const std::string prefix = folder_.file(fmt::format("model.ckpt-{}", step));
    BundleWriter writer(prefix);
    writer.add_int64_scalar("global_step", step);
    writer.finish();
    write_checkpoint_state(folder_.path(), {.latest = prefix, .all = {prefix}});
    return prefix;
  }
  bool archive(int64_t step, double top1) {
    EvalResult result;
    result.images = 10;
    result.top1 = top1;
    result.top5 = 0.75;
    result.loss = 1.5;
    return archive_best(folder_.path(), save(step), result, step);
  }
  int64_t archived_step() {
    return BundleReader(latest_checkpoint(folder_.file("archive")).value()).read_int64_scalar("global_step");
  }
  std::string objective() { return read_file(folder_.file("best_objective.txt")); }

  const TemporaryFolder folder_;
};

TEST_F(Archive, KeepsTheBestAsTheOriginals) {
  EXPECT_TRUE(archive(10, 0.25));
  EXPECT_EQ(objective(), "0.250000");
  EXPECT_EQ(read_file(folder_.file("archive/best_eval.txt")),
            "{'global_step': 10, 'loss': 1.5, 'top_1_accuracy': 0.25, 'top_5_accuracy': 0.75}");
  EXPECT_FALSE(archive(20, 0.2));
  EXPECT_EQ(archived_step(), 10);
  EXPECT_TRUE(archive(30, 0.25));  // a tie replaces
  EXPECT_EQ(archived_step(), 30);
  EXPECT_TRUE(archive(40, 2.0 / 3));
  EXPECT_EQ(objective(), "0.666667");
  // Rounded up, it is larger than the same accuracy.
  EXPECT_FALSE(archive(50, 2.0 / 3));
  EXPECT_EQ(archived_step(), 40);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.file("archive"))) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("best_eval.txt", "checkpoint", "model.ckpt-40.index",
                                                     "model.ckpt-40.data-00000-of-00001"));
  EXPECT_THAT(read_file(folder_.file("archive/checkpoint")), HasSubstr("model_checkpoint_path: \"model.ckpt-40\""));
}

TEST_F(Archive, StaysWhenItsCheckpointGoes) {
  archive(10, 0.25);
  remove_checkpoint(folder_.file("model.ckpt-10"));
  EXPECT_EQ(archived_step(), 10);
  // A checkpoint that went before it could be archived changes nothing.
  EvalResult better;
  better.top1 = 0.5;
  EXPECT_FALSE(archive_best(folder_.path(), folder_.file("model.ckpt-10"), better, 10));
  EXPECT_EQ(archived_step(), 10);
}

TEST_F(Archive, SurvivesADeathInTheExchange) {
  archive(10, 0.5);
  std::filesystem::rename(folder_.file("archive"), folder_.file("archive.old"));
  EXPECT_FALSE(archive(20, 0.25));
  EXPECT_EQ(archived_step(), 10);
}

TEST_F(Archive, RefusesADamagedObjective) {
  folder_.write("best_objective.txt", "good\n");
  EXPECT_EQ(error_of([&] { archive(10, 0.5); }), folder_.file("model.ckpt-10") +
                                                     " can't be archived: " + folder_.file("best_objective.txt") +
                                                     ": expected a number, found `good\n`");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("archive.new")));
}

TEST_F(Archive, WatcherGivesEachNewestOnce) {
  const StopSignals signals;
  CheckpointWatcher watcher(folder_.path(), std::chrono::seconds(0));
  EXPECT_EQ(watcher.next(), std::nullopt);
  const std::string first = save(10);
  EXPECT_EQ(watcher.next(), first);
  EXPECT_EQ(watcher.next(), std::nullopt);
  save(20);
  const std::string third = save(30);
  EXPECT_EQ(watcher.next(), third);
  save(40);
  std::raise(SIGTERM);
  EXPECT_EQ(watcher.next(), std::nullopt);
}

}  // namespace
}  // namespace netwright
