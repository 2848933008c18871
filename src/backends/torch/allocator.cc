#include "backends/torch/allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "core/error.h"

namespace netwright::torch_backend {
namespace {

constexpr int64_t kMostReserved = int64_t{1} << 40;  // addresses, not memory
constexpr int64_t kLeastReserved = int64_t{1} << 28;
constexpr int64_t kAlignment = 4096;  // large blocks begin on a page
constexpr int64_t kSmall = 1 << 16;   // below this the C library serves

// Free blocks by address (to merge) and by size (to fit).
class Range {
 public:
  Range() {
    void* base = reserve(kMostReserved);
    // Where addresses are limited (`ulimit -v`), half of what can be had: others need some, too.
    while (base == MAP_FAILED && reserved_ > kLeastReserved) base = reserve(reserved_ / 2);
    if (base == MAP_FAILED) fail("can't reserve {} bytes of addresses for tensors", reserved_);
    if (reserved_ < kMostReserved) {
      reserved_ /= 2;
      munmap(static_cast<char*>(base) + reserved_, static_cast<size_t>(reserved_));
    }
    madvise(base, static_cast<size_t>(reserved_), MADV_HUGEPAGE);
    base_ = static_cast<char*>(base);
  }

  void* allocate(int64_t bytes) {
    const int64_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    const std::lock_guard lock(mutex_);
    int64_t offset = end_;
    const auto fit = by_size_.lower_bound({size, 0});
    if (fit != by_size_.end()) {
      offset = fit->second;
      const int64_t left = fit->first - size;
      by_address_.erase(offset);
      by_size_.erase(fit);
      if (left > 0) add_free(offset + size, left);
    } else {
      // The free block at the end, if there is one, grows.
      if (!by_address_.empty() && by_address_.rbegin()->first + by_address_.rbegin()->second == end_) {
        const auto [last, length] = *by_address_.rbegin();
        remove_free(last, length);
        offset = last;
      }
      end_ = offset + size;
      if (end_ > reserved_) fail("no memory for a tensor of {} bytes", bytes);
    }
    used_.emplace(base_ + offset, size);
    statistics_.allocated += size;
    statistics_.peak = std::max(statistics_.peak, statistics_.allocated);
    statistics_.touched = std::max(statistics_.touched, end_);
    return base_ + offset;
  }

  void release(void* pointer) {
    const std::lock_guard lock(mutex_);
    const auto found = used_.find(static_cast<char*>(pointer));
    int64_t size = found->second;
    int64_t offset = found->first - base_;
    used_.erase(found);
    statistics_.allocated -= size;
    const auto after = by_address_.lower_bound(offset);
    if (after != by_address_.end() && after->first == offset + size) {
      size += after->second;
      remove_free(after->first, after->second);
    }
    const auto before = by_address_.lower_bound(offset);
    if (before != by_address_.begin()) {
      const auto [start, length] = *std::prev(before);
      if (start + length == offset) {
        remove_free(start, length);
        offset = start;
        size += length;
      }
    }
    add_free(offset, size);
  }

  bool owns(const void* pointer) const {
    const char* address = static_cast<const char*>(pointer);
    return address >= base_ && address < base_ + reserved_;
  }

  AllocatorStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    statistics_.peak = statistics_.allocated;
  }

 private:
  void* reserve(int64_t bytes) {
    reserved_ = bytes;
    return mmap(nullptr, static_cast<size_t>(reserved_), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  void add_free(int64_t offset, int64_t size) {
    by_address_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  void remove_free(int64_t offset, int64_t size) {
    by_address_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::mutex mutex_;
  char* base_ = nullptr;
  int64_t reserved_ = 0;
  int64_t end_ = 0;
  std::map<int64_t, int64_t> by_address_;
  std::set<std::pair<int64_t, int64_t>> by_size_;
  std::unordered_map<char*, int64_t> used_;
  AllocatorStatistics statistics_;
};

// Lives until the process ends: tensors of other libraries' static objects may be freed after ours.
Range& range() {
  static auto* instance = new Range;
  return *instance;
}

void release_any(void* pointer) {
  if (range().owns(pointer)) {
    range().release(pointer);
  } else {
    std::free(pointer);
  }
}

class CpuAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* pointer = nullptr;
    if (bytes >= static_cast<size_t>(kSmall)) {
      pointer = range().allocate(static_cast<int64_t>(bytes));
    } else if (bytes > 0) {
      pointer = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
      if (pointer == nullptr) fail("no memory for a tensor of {} bytes", bytes);
    }
    return {pointer, pointer, &release_any, c10::Device(c10::DeviceType::CPU)};
  }
  // libtorch's own scratch memory comes through raw_allocate, which needs one deleter for all.
  c10::DeleterFnPtr raw_deleter() const override { return &release_any; }
  void copy_data(void* to, const void* from, size_t count) const override { std::memcpy(to, from, count); }
};

}  // namespace

void install_cpu_allocator() {
  static auto* allocator = new CpuAllocator;
  c10::SetCPUAllocator(allocator, /*priority=*/1);
}

AllocatorStatistics allocator_statistics() { return range().statistics(); }
void reset_allocator_peak() { range().reset_peak(); }

}  // namespace netwright::torch_backend
