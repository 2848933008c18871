// A disk that fills up in the middle of a save.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/subprocess.h"
#include "core/file.h"
#include "core/text.h"
#include "formats/checkpoint_state.h"
#include "formats/tensor_bundle.h"
#include "support/run_files.h"
#include "support/testing.h"

namespace netwright::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTrain =
    "train mnasnet-small --depth_multiplier=0.35 --image_size=32 --classes=10 --data=fake --fake_images=96 --batch=4 "
    "--lr_warmup_epochs=2 --checkpoint_steps=2 --checkpoint_minutes=0 --threads=1 --train_steps=40 "
    "--checkpoints_kept=1000 --log_steps=7 --model_dir=";

// Runs the shell's words where SMALL is a file system of 20 MB of its own; afterwards its files are in `copy`.
ProgramResult run_on_small_disk(const std::string& words, const std::string& small, const std::string& copy) {
  const std::string inside = fmt::format(
      "mount -t tmpfs -o size=20m none {0} || exit 99; {1}; code=$?; cp -a {0}/. {2}; exit $code", small, words, copy);
  return run({"unshare", "--user", "--map-root-user", "--mount", "bash", "-c", inside});
}

TEST(FullDisk, ASaveThatFailsLeavesTheLastCheckpointAndSaysSo) {
  const TemporaryFolder small;
  const TemporaryFolder copy;
  const std::string netwright = NETWRIGHT_BINARY_DIR "/netwright ";
  if (run_on_small_disk("true", small.path(), copy.path()).exit_code != 0) {
    GTEST_SKIP() << "no file system can be mounted here";
  }
  const ProgramResult full = run_on_small_disk(netwright + kTrain + small.path(), small.path(), copy.path());
  EXPECT_EQ(full.exit_code, 1) << full.err;

  const std::string newest = latest_checkpoint(copy.path()).value();
  const BundleReader reader(newest);
  for (const TensorInfo& tensor : reader.tensors()) reader.read_raw(tensor.name);
  const int64_t step = reader.read_int64_scalar("global_step");
  EXPECT_THAT(full.err, HasSubstr(fmt::format("netwright train: step {} can't be saved: {}/model.ckpt-{}.", step + 2,
                                              small.path(), step + 2)));
  EXPECT_THAT(full.err, HasSubstr(fmt::format("can't write: No space left on device; the last good checkpoint is "
                                              "{}/model.ckpt-{}\n",
                                              small.path(), step)));
  for (const std::string& name : copy.names()) {
    EXPECT_EQ(name.find(".temp"), std::string::npos) << name;
    EXPECT_EQ(name.find(fmt::format("model.ckpt-{}.", step + 2)), std::string::npos) << name;
  }

  // With room again, the same command goes on as if nothing had been.
  const TemporaryFolder whole;
  const auto train = [&](const std::string& folder) {
    const ProgramResult result = run({"bash", "-c", netwright + kTrain + folder});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  train(copy.path());
  train(whole.path());
  expect_same_run(whole.path(), copy.path(), 40);
}

}  // namespace
}  // namespace netwright::test
