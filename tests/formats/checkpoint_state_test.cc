#include "formats/checkpoint_state.h"

#include "core/file.h"
#include "formats/support.h"
#include "formats/tensor_bundle.h"
#include "support/golden.h"

namespace netwright {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(CheckpointState, RelativePathsAndEscapes) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_checkpoint_state(folder.path()), std::nullopt);
  folder.write("checkpoint",
               "# by hand\n"
               "model_checkpoint_path: \"model.ckpt-350315\"\n"
               "all_model_checkpoint_paths: 'old\\\".\\143kpt-1'\n"
               "all_model_checkpoint_paths: \"model.\" \"ckpt-350315\"\n"
               "all_model_checkpoint_timestamps: 1700000000.5 last_preserved_timestamp: 1.7e9\n");
  const auto state = read_checkpoint_state(folder.path());
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->latest, folder.file("model.ckpt-350315"));
  EXPECT_THAT(state->all, ElementsAre(folder.file("old\".ckpt-1"), folder.file("model.ckpt-350315")));
}

TEST(CheckpointState, AbsolutePathsOfAMovedFolder) {
  const TemporaryFolder folder;
  folder.write("checkpoint", "model_checkpoint_path: \"/was/elsewhere/model.ckpt-5\"\n");
  EXPECT_EQ(read_checkpoint_state(folder.path())->latest, "/was/elsewhere/model.ckpt-5");
  EXPECT_THAT(error_of([&] { latest_checkpoint(folder.path()); }),
              HasSubstr("names /was/elsewhere/model.ckpt-5, but there is no /was/elsewhere/model.ckpt-5.index"));
  folder.write("model.ckpt-5.index", "");
  EXPECT_EQ(latest_checkpoint(folder.path()), folder.file("model.ckpt-5"));
}

TEST(CheckpointState, Damaged) {
  const TemporaryFolder folder;
  for (const char* text :
       {"model_checkpoint_path: \"unended\n", "nonsense: 3\n", "model_checkpoint_path 5", "\xff\x01"}) {
    folder.write("checkpoint", text);
    const std::string message = error_of([&] { read_checkpoint_state(folder.path()); });
    EXPECT_THAT(message, HasSubstr("/checkpoint: can't parse TensorFlow's checkpoint state: line 1, column"));
    EXPECT_THAT(message, testing::Not(HasSubstr("\n")));
  }
  folder.write("checkpoint", "");
  EXPECT_THAT(error_of([&] { read_checkpoint_state(folder.path()); }), HasSubstr("names no model_checkpoint_path"));
}

TEST(CheckpointState, WritesWhatTheSaverWrites) {
  const TemporaryFolder folder;
  write_checkpoint_state(folder.path(),
                         {folder.file("model.ckpt-2"), {folder.file("model.ckpt-1"), folder.file("model.ckpt-2")}});
  EXPECT_EQ(read_file(folder.file("checkpoint")),
            "model_checkpoint_path: \"model.ckpt-2\"\n"
            "all_model_checkpoint_paths: \"model.ckpt-1\"\n"
            "all_model_checkpoint_paths: \"model.ckpt-2\"\n");
  write_checkpoint_state(folder.path(), {"/elsewhere/model.ckpt-3", {}});
  EXPECT_EQ(read_file(folder.file("checkpoint")), "model_checkpoint_path: \"/elsewhere/model.ckpt-3\"\n");
  write_checkpoint_state(folder.path() + "/", {folder.path() + "/./sub/model.ckpt-3", {}});
  EXPECT_EQ(read_file(folder.file("checkpoint")), "model_checkpoint_path: \"sub/model.ckpt-3\"\n");
  EXPECT_THAT(folder.names(), ElementsAre("checkpoint"));
}

TEST(CheckpointState, WhatAUserMayGive) {
  const TemporaryFolder folder;
  const std::string prefix = folder.file("model.ckpt-3");
  {
    BundleWriter writer(prefix);
    writer.add_int64_scalar("global_step", 3);
    writer.finish();
  }
  EXPECT_THAT(error_of([&] { resolve_checkpoint(folder.path()); }), HasSubstr("no checkpoint in this folder"));
  EXPECT_EQ(latest_checkpoint(folder.path()), std::nullopt);
  write_checkpoint_state(folder.path(), {prefix, {prefix}});
  EXPECT_EQ(resolve_checkpoint(folder.path()), prefix);
  EXPECT_EQ(resolve_checkpoint(prefix), prefix);
  EXPECT_EQ(resolve_checkpoint(prefix + ".index"), prefix);
  EXPECT_EQ(resolve_checkpoint(prefix + ".data-00000-of-00001"), prefix);
  EXPECT_THAT(error_of([&] { resolve_checkpoint(folder.file("model.ckpt-4")); }),
              HasSubstr("model.ckpt-4: no checkpoint: neither a folder"));
  EXPECT_THAT(error_of([&] { resolve_checkpoint(folder.file("model.ckpt-4.index")); }),
              HasSubstr("model.ckpt-4.index is missing"));
}

TEST(CheckpointState, Removing) {
  const TemporaryFolder folder;
  for (const char* name : {"m-1.index", "m-1.data-00000-of-00002", "m-1.data-00001-of-00002", "m-1.meta", "m-11.index",
                           "m-11.data-00000-of-00001", "m-1.data-notes", "m-2.index.tempstate5_0",
                           "m-2.data-00000-of-00001.tempstate5_0", "checkpoint.tmp77", "checkpoint"}) {
    folder.write(name, "");
  }
  remove_checkpoint(folder.file("m-1"));
  remove_unfinished_checkpoints(folder.path());
  EXPECT_THAT(folder.names(), ElementsAre("checkpoint", "m-1.data-notes", "m-11.data-00000-of-00001", "m-11.index"));
}

TEST(CheckpointStateGolden, EveryFolder) {
  NETWRIGHT_NEEDS_GOLDEN("checkpoints");
  EXPECT_EQ(resolve_checkpoint(golden + "/mnasnet-small"), golden + "/mnasnet-small/model.ckpt-8");
  EXPECT_EQ(resolve_checkpoint(golden + "/sharded"), golden + "/sharded/model.ckpt-1234");
}

}  // namespace
}  // namespace netwright
