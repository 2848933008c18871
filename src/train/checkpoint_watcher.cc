#include "train/checkpoint_watcher.h"

#include <thread>

#include "formats/checkpoint_state.h"
#include "train/signals.h"

namespace netwright {
namespace {

constexpr std::chrono::milliseconds kInterval{200};

}  // namespace

CheckpointWatcher::CheckpointWatcher(std::string model_dir, std::optional<std::chrono::seconds> timeout)
    : model_dir_(std::move(model_dir)), timeout_(timeout) {}

std::optional<std::string> CheckpointWatcher::next() {
  const auto begin = std::chrono::steady_clock::now();
  while (StopSignals::received() == 0) {
    const std::optional<CheckpointState> state = read_checkpoint_state(model_dir_);
    if (state && state->latest != last_) {
      last_ = state->latest;
      return last_;
    }
    if (timeout_ && std::chrono::steady_clock::now() - begin >= *timeout_) return std::nullopt;
    std::this_thread::sleep_for(kInterval);
  }
  return std::nullopt;
}

}  // namespace netwright
