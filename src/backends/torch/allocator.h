// Memory for libtorch's CPU tensors that is kept between steps.
#pragma once

#include <cstdint>

namespace netwright::torch_backend {

// Replaces libtorch's CPU allocator by one that never gives memory back to the system: the C library returns large
// blocks at once, and 12 to 20 % of a training step went into faulting the same pages in again. Best fit with merging
// in one reserved range of addresses. Call once, before any tensor is made.
void install_cpu_allocator();

struct AllocatorStatistics {
  int64_t allocated = 0;  // bytes that tensors hold
  int64_t peak = 0;       // the most they held since the last reset
  int64_t touched = 0;    // bytes of the range ever used
};

AllocatorStatistics allocator_statistics();
void reset_allocator_peak();

}  // namespace netwright::torch_backend
