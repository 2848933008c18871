// What this process takes of the machine's memory, as the kernel counts it (Linux, /proc/self).
#pragma once

#include <cstdint>

namespace netwright {

// Bytes in memory now; 0 where the kernel doesn't tell.
int64_t resident_bytes();

// The most there were since the process began or since the last reset.
int64_t peak_resident_bytes();

// Lets the peak begin at the present value. False where the kernel doesn't permit it: the peak then goes on.
bool reset_peak_resident_bytes();

}  // namespace netwright
