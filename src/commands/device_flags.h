// The flags that choose where the computing happens, declared once for all commands that run a network.
#pragma once

#include <string>

#include "commands/flags.h"
#include "engine/backend.h"

namespace netwright {

struct DeviceChoice {
  std::string backend = "torch";
  DeviceOptions device;
};

// --device, --threads and the rare --backend and --deterministic.
void declare_device_flags(Flags& flags, DeviceChoice& choice);

// Opens the backend; throws Error as netwright::load_backend.
Backend& load_backend(const DeviceChoice& choice);

// How many threads read and decode data when --data_threads is not given: they share the cores with the computing.
int default_data_threads();

}  // namespace netwright
