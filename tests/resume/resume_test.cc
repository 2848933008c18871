// The program, ended in the middle of its work in every way, goes on as if nothing had been.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "formats/checkpoint_state.h"
#include "resume/child.h"
#include "support/run_files.h"
#include "support/testing.h"

namespace netwright::test {
namespace {

using ::testing::HasSubstr;

constexpr int kSteps = 400;
constexpr int kCheckpointSteps = 10;
constexpr int kTrials = 20;

std::vector<std::string> train_args(const std::string& folder, int data_threads, int steps = kSteps) {
  return {"train",
          "mnasnet-small",
          "--depth_multiplier=0.35",
          "--image_size=32",
          "--classes=10",
          "--data=fake",
          "--fake_images=96",
          "--batch=4",
          "--lr_warmup_epochs=2",
          "--log_steps=7",
          fmt::format("--checkpoint_steps={}", kCheckpointSteps),
          "--checkpoint_minutes=0",
          "--threads=1",
          fmt::format("--train_steps={}", steps),
          fmt::format("--data_threads={}", data_threads),
          "--model_dir=" + folder};
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

// The step of the newest checkpoint; 0 when there is none.
int64_t newest_step(const std::string& folder) {
  const std::optional<std::string> checkpoint = latest_checkpoint(folder);
  return checkpoint ? std::stoll(checkpoint->substr(checkpoint->rfind('-') + 1)) : 0;
}

// Trains without interruption; gives the mean seconds from one checkpoint to the next.
double train_whole(const TemporaryFolder& folder) {
  Child child(train_args(folder.path(), 1), folder.file("log"));
  EXPECT_TRUE(child.wait_until([&] { return newest_step(folder.path()) > 0; }));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(child.wait(), 0) << read_file(folder.file("log"));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return seconds * kCheckpointSteps / kSteps;
}

// Any moment of the first three quarters: in a step, a line of metrics, a checkpoint, the state file. It is told by the
// run's own checkpoints, since other work on the machine changes the pace.
TEST(Resume, KilledRunsEqualUninterruptedOnes) {
  const TemporaryFolder whole;
  const double interval = train_whole(whole);
  std::mt19937 random(20261121);
  int continued = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    SCOPED_TRACE(fmt::format("trial {}", trial));
    const TemporaryFolder folder;
    const int64_t step = kCheckpointSteps * std::uniform_int_distribution<int64_t>(1, 30)(random);
    const double wait = std::uniform_real_distribution<double>(0.0, interval)(random);
    {
      Child child(train_args(folder.path(), 1 + trial % 2), folder.file("log"));
      ASSERT_TRUE(child.wait_until([&] { return newest_step(folder.path()) >= step; }))
          << read_file(folder.file("log"));
      std::this_thread::sleep_for(std::chrono::duration<double>(wait));
      child.signal(SIGKILL);
      ASSERT_EQ(child.wait(), 128 + SIGKILL) << "it was done before";
    }
    Child again(train_args(folder.path(), 2 - trial % 2), folder.file("log"));
    ASSERT_EQ(again.wait(), 0) << read_file(folder.file("log"));
    continued += read_file(folder.file("log")).find("continuing after step") != std::string::npos ? 1 : 0;
    expect_same_run(whole.path(), folder.path(), kSteps);
    EXPECT_EQ(metrics_of(folder.path()).size(), kSteps / 7U + 1);
  }
  EXPECT_EQ(continued, kTrials);
}

class Stopped : public ::testing::TestWithParam<int> {};

TEST_P(Stopped, SavesAndGoesOn) {
  const TemporaryFolder folder;
  const std::vector<std::string> args = train_args(folder.path(), 1, 1000000);
  Child child(args, folder.file("log"));
  ASSERT_TRUE(child.wait_until([&] { return exists(folder.file("checkpoint")); })) << read_file(folder.file("log"));
  child.signal(GetParam());
  EXPECT_EQ(child.wait(), 128 + GetParam());
  const std::string log = read_file(folder.file("log"));
  EXPECT_THAT(log, HasSubstr("the same command goes on from there"));
  // Between two of the periodic checkpoints, most of the times: the one of the signal is there.
  const size_t at = log.find("stopped after step ") + std::string("stopped after step ").size();
  const std::string step = log.substr(at, log.find(';', at) - at);
  EXPECT_TRUE(exists(folder.file("model.ckpt-" + step + ".index"))) << step;
  Child again(args, folder.file("log"));
  EXPECT_TRUE(again.wait_until(
      [&] { return read_file(folder.file("log")).find("continuing after step " + step) != std::string::npos; }));
}

INSTANTIATE_TEST_SUITE_P(BySignal, Stopped, ::testing::Values(SIGTERM, SIGINT));

TEST(Resume, ASecondTrainerIsRefused) {
  const TemporaryFolder folder;
  Child first(train_args(folder.path(), 1, 1000000), folder.file("log"));
  ASSERT_TRUE(first.wait_until([&] { return exists(folder.file("checkpoint")); })) << read_file(folder.file("log"));
  Child second(train_args(folder.path(), 1, 1000000), folder.file("second"));
  EXPECT_EQ(second.wait(), 2);
  EXPECT_THAT(read_file(folder.file("second")), HasSubstr(folder.path() + " is in use"));
}

TEST(Resume, AFinishedRunSaysSo) {
  const TemporaryFolder folder;
  EXPECT_EQ(Child(train_args(folder.path(), 1, 5), folder.file("log")).wait(), 0);
  EXPECT_EQ(Child(train_args(folder.path(), 1, 5), folder.file("log")).wait(), 0);
  EXPECT_THAT(read_file(folder.file("log")), HasSubstr("was done already after 5 steps"));
}

}  // namespace
}  // namespace netwright::test
