// Waits for the checkpoints of a run that trains elsewhere.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace netwright {

class CheckpointWatcher {
 public:
  // `timeout`: how long a new checkpoint is waited for; nothing: for ever.
  CheckpointWatcher(std::string model_dir, std::optional<std::chrono::seconds> timeout);

  // The prefix of the newest checkpoint as soon as it is another than last time, beginning with the one that is there.
  // Those that newer ones have replaced meanwhile are left out. Nothing after the timeout, and when a signal came
  // (StopSignals).
  std::optional<std::string> next();

 private:
  std::string model_dir_;
  std::optional<std::chrono::seconds> timeout_;
  std::string last_;
};

}  // namespace netwright
