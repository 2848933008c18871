#include "train/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace netwright {
namespace {

std::atomic<int> stop_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not wait for a lock");

extern "C" void on_stop_signal(int signal) {
  if (stop_signal.exchange(signal) != 0) _exit(128 + signal);
}

// How long a signal waits for a batch that doesn't come.
constexpr std::chrono::milliseconds kPatience{100};

constexpr int kSignals[] = {SIGTERM, SIGINT};

void set_action(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  stop_signal = 0;
  set_action(on_stop_signal);
}

StopSignals::~StopSignals() {
  set_action(SIG_DFL);
  stop_signal = 0;
}

int StopSignals::received() { return stop_signal; }

Batch* await_batch(Pipeline& pipeline) {
  while (!pipeline.is_ready_within(kPatience)) {
    if (StopSignals::received() != 0) return nullptr;
  }
  return pipeline.next();
}

}  // namespace netwright
