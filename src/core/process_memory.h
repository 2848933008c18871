// What this process takes of the machine's memory, as the kernel counts it (Linux, /proc/self).
#pragma once

#include <cstdint>
#include <string>

namespace netwright {

// Bytes that this process can still take: what the machine has available, within the limits of the control groups that
// it is in and of its address space (ulimit -v).
int64_t available_bytes();

// What the limits of this process' control groups (version 1 or 2) leave; the largest number where there is no limit.
// `root` is where /proc and /sys are, for tests.
int64_t control_group_room(const std::string& root = "");

// Bytes in memory now; 0 where the kernel doesn't tell.
int64_t resident_bytes();

// The most there were since the process began or since the last reset.
int64_t peak_resident_bytes();

// Lets the peak begin at the present value. False where the kernel doesn't permit it: the peak then goes on.
bool reset_peak_resident_bytes();

}  // namespace netwright
