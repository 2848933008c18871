// The program, ended in the middle of its work in every way, goes on as if nothing had been.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/encode.h"
#include "formats/checkpoint_state.h"
#include "formats/tensor_bundle.h"
#include "resume/child.h"
#include "support/run_files.h"
#include "support/testing.h"

namespace netwright::test {
namespace {

using ::testing::HasSubstr;

constexpr int kSteps = 400;

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
          "--checkpoint_steps=10",
          "--checkpoint_minutes=0",
          "--threads=1",
          fmt::format("--train_steps={}", steps),
          fmt::format("--data_threads={}", data_threads),
          "--model_dir=" + folder};
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

// How often, and when: NETWRIGHT_KILLS and NETWRIGHT_KILLS_SEED.
int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// How long a run takes to its first checkpoint, and from there to its end.
struct Pace {
  double start = 0.0;
  double rest = 0.0;
};

Pace train_whole(const TemporaryFolder& folder) {
  Pace pace;
  auto begin = Clock::now();
  Child child(train_args(folder.path(), 1), folder.file("log"));
  EXPECT_TRUE(child.wait_until([&] { return exists(folder.file("checkpoint")); }));
  pace.start = seconds_since(begin);
  begin = Clock::now();
  EXPECT_EQ(child.wait(), 0) << read_file(folder.file("log"));
  pace.rest = seconds_since(begin);
  return pace;
}

// The step of the newest checkpoint, all of whose tensors are read; 0 when there is none yet.
int64_t whole_step(const std::string& folder) {
  const std::optional<std::string> newest = latest_checkpoint(folder);
  if (!newest) return 0;
  const BundleReader reader(*newest);
  for (const TensorInfo& tensor : reader.tensors()) reader.read_raw(tensor.name);
  return reader.read_int64_scalar("global_step");
}

// One run after another, each killed again and again until it is done: at any moment of a start, of a step, of a line
// of metrics, of a checkpoint, of the state file.
TEST(Resume, RunsKilledAgainAndAgainEqualAnUninterruptedOne) {
  const int kills = from_environment("NETWRIGHT_KILLS", 20);
  const TemporaryFolder whole;
  const Pace pace = train_whole(whole);
  std::mt19937 random(static_cast<unsigned>(from_environment("NETWRIGHT_KILLS_SEED", 20261121)));
  std::uniform_real_distribution<double> share(0.0, 1.0);
  int killed = 0;
  int done = 0;
  for (int run = 0; killed < kills; ++run) {
    const TemporaryFolder folder;
    int64_t step = 0;
    double patience = 1.0;  // grows while no life gets further: the machine may be slower than it was
    for (int life = 0;; ++life) {
      SCOPED_TRACE(fmt::format("run {}, life {}, {} kills", run, life, killed));
      Child child(train_args(folder.path(), 1 + (run + life) % 2), folder.file("log"));
      const double moment = patience * (pace.start * (0.5 + share(random)) + 0.3 * pace.rest * share(random));
      const auto begin = Clock::now();
      const bool ended = !child.wait_until([&] { return seconds_since(begin) >= moment; });
      if (!ended) child.signal(SIGKILL);
      const int code = child.wait();
      killed += code == 128 + SIGKILL ? 1 : 0;
      const int64_t found = whole_step(folder.path());
      ASSERT_GE(found, step) << "a checkpoint is lost";
      patience = found > step ? 1.0 : patience * 1.2;
      step = found;
      if (code == 0) break;
      ASSERT_EQ(code, 128 + SIGKILL) << read_file(folder.file("log"));
    }
    expect_same_run(whole.path(), folder.path(), kSteps);
    EXPECT_EQ(metrics_of(folder.path()).size(), kSteps / 7U + 1);
    ++done;
  }
  std::cout << fmt::format("{} kills of {} runs\n", killed, done);
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

bool has_unfinished(const TemporaryFolder& folder) {
  return std::ranges::any_of(folder.names(), [](const std::string& name) {
    return name.find(".tempstate") != std::string::npos || name.find(".tmp") != std::string::npos;
  });
}

TEST(Resume, ASignalInASaveLetsItFinish) {
  const TemporaryFolder folder;
  std::vector<std::string> args = train_args(folder.path(), 1, 1000000);
  args.emplace_back("--checkpoint_steps=1");
  Child child(args, folder.file("log"));
  ASSERT_TRUE(child.wait_until([&] { return exists(folder.file("checkpoint")) && has_unfinished(folder); }));
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(), 128 + SIGTERM);
  EXPECT_FALSE(has_unfinished(folder));
  EXPECT_THAT(read_file(folder.file("log")),
              HasSubstr(fmt::format("stopped after step {};", whole_step(folder.path()))));
}

TEST(Resume, ASignalInAnEvaluationIsHeardAndTheEvaluationMadeUpFor) {
  const TemporaryFolder folder;
  std::vector<std::string> args = train_args(folder.path(), 1, 3);
  args.emplace_back("--fake_images=5000000");
  args.emplace_back("--lr_warmup_epochs=0");
  {
    Child child(args, folder.file("log"));
    ASSERT_TRUE(child.wait_until([&] { return exists(folder.file("model.ckpt-3.index")); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    child.signal(SIGTERM);
    EXPECT_EQ(child.wait(), 128 + SIGTERM) << read_file(folder.file("log"));
  }
  EXPECT_EQ(read_file(folder.file("eval/metrics.jsonl")), "");
  // It begins with the evaluation, not with "was done already".
  Child again(args, folder.file("log"));
  ASSERT_TRUE(again.wait_until([&] { return read_file(folder.file("log")).find("evaluating") != std::string::npos; }));
  again.signal(SIGTERM);
  EXPECT_EQ(again.wait(), 128 + SIGTERM);
}

// Pictures of 64 million pixels: the first batch takes a minute or so.
TEST(Resume, ASignalWhileWaitingForDataIsHeard) {
  const TemporaryFolder folder;
  const TemporaryFolder data;
  std::filesystem::create_directories(data.file("train/a"));
  Image image;
  image.reshape(8000, 8000, 3);
  std::fill_n(image.pixels(), image.bytes(), uint8_t{90});
  const std::string encoded = encode_jpeg(image);
  for (int i = 0; i < 4; ++i) data.write(fmt::format("train/a/{}.jpg", i), encoded);
  std::vector<std::string> args = train_args(folder.path(), 1);
  for (const char* word : {"--batch=256", "--train_crop=none", "--classes=1"}) args.emplace_back(word);
  args.push_back("--data=" + data.path());
  Child child(args, folder.file("log"));
  ASSERT_TRUE(child.wait_until([&] { return exists(folder.file("run.json")); })) << read_file(folder.file("log"));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(), 128 + SIGTERM);
  EXPECT_THAT(read_file(folder.file("log")), HasSubstr("stopped after step 0;"));
}

// The run keeps one checkpoint, which it replaces all the time.
TEST(Resume, EvaluationsBesideATrainingReadWholeCheckpoints) {
  const TemporaryFolder folder;
  std::vector<std::string> args = train_args(folder.path(), 1, 1000000);
  for (const char* word : {"--checkpoint_steps=1", "--checkpoints_kept=1", "--steps_per_eval=0"}) {
    args.emplace_back(word);
  }
  Child child(args, folder.file("log"));
  ASSERT_TRUE(child.wait_until([&] { return exists(folder.file("checkpoint")); })) << read_file(folder.file("log"));
  for (int i = 0; i < 5; ++i) {
    Child eval({"eval", "--data=fake", "--fake_images=20", "--threads=1", "--model_dir=" + folder.path()},
               folder.file("eval_log"));
    EXPECT_EQ(eval.wait(), 0) << read_file(folder.file("eval_log"));
  }
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(), 128 + SIGTERM);
}

TEST(Resume, AWatchingEvaluationEndsWithTheTraining) {
  const TemporaryFolder folder;
  std::vector<std::string> args = train_args(folder.path(), 1, 60);
  args.emplace_back("--noarchive");
  Child train(args, folder.file("log"));
  ASSERT_TRUE(train.wait_until([&] { return exists(folder.file("checkpoint")); })) << read_file(folder.file("log"));
  Child watch(
      {"eval", "--watch", "--json", "--data=fake", "--fake_images=20", "--threads=1", "--model_dir=" + folder.path()},
      folder.file("watch_log"));
  EXPECT_EQ(train.wait(), 0);
  EXPECT_EQ(watch.wait(), 0) << read_file(folder.file("watch_log"));
  EXPECT_THAT(read_file(folder.file("watch_log")), HasSubstr("\"step\":60}"));
  EXPECT_TRUE(exists(folder.file("archive/best_eval.txt")));
  EXPECT_TRUE(exists(folder.file("best_objective.txt")));
}

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
