#include "commands/device_flags.h"

#include <algorithm>
#include <thread>

namespace netwright {

void declare_device_flags(Flags& flags, DeviceChoice& choice) {
  flags.section("device");
  flags.add("device", choice.device.device, {.help = "cpu, cuda, cuda:1, ..."});
  flags.add("threads", choice.device.threads,
            {.help = "threads of a CPU's computing; 0: one a core", .range = between(0, 4096)});
  flags.add("backend", choice.backend, {.help = "what computes", .choices = {"torch"}, .rare = true});
  flags.add("deterministic", choice.device.deterministic,
            {.help = "repeatable to the last bit on a GPU, too (a CPU always is)", .rare = true});
}

Backend& load_backend(const DeviceChoice& choice) { return load_backend(choice.backend, choice.device); }

int default_data_threads() {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cores / 2, 1, 8);
}

}  // namespace netwright
