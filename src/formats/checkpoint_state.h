// TensorFlow's text file `checkpoint`, which names the checkpoints of a folder. Source: shared spec formats.md, section
// 3.6.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

struct CheckpointState {
  std::string latest;            // prefix of the newest
  std::vector<std::string> all;  // prefixes, oldest first; the last is `latest`
};

// The file DIR/checkpoint, with paths made usable from the working directory: relative ones are relative to the folder;
// an absolute one that no longer exists is looked for under its base name in the folder. Nothing when there is no such
// file; Error when it can't be parsed or names no newest checkpoint.
std::optional<CheckpointState> read_checkpoint_state(const std::string& folder);

// Replaces DIR/checkpoint atomically. Prefixes inside the folder are written relative to it.
void write_checkpoint_state(const std::string& folder, const CheckpointState& state);

// Prefix of the newest checkpoint of a folder, or nothing when the folder has none. Error when the state file names one
// whose index isn't there.
std::optional<std::string> latest_checkpoint(const std::string& folder);

// What a user may give to mean a checkpoint: a folder (its newest), a prefix, or one of a checkpoint's files. Error
// when there is none.
std::string resolve_checkpoint(const std::string& folder_or_prefix);

// Deletes the files of a checkpoint: the index first, so that it is never seen half there.
void remove_checkpoint(const std::string& prefix);

// Deletes what killed writers left under temporary names in a folder. Only for the holder of the folder's lock.
void remove_unfinished_checkpoints(const std::string& folder);

}  // namespace netwright
