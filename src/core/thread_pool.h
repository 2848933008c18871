// A fixed set of threads for the host's work: decoding, filling, packing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace netwright {

// `threads`, or one a core when it is 0.
int thread_count(int threads);

class ThreadPool {
 public:
  // `threads` >= 1.
  explicit ThreadPool(int threads);
  // Waits for what is running; what has not begun is dropped.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  // Runs `task` on one of the threads. It must not throw.
  void submit(std::function<void()> task);

  // Calls body(i) for every i in [0, count) on the pool's threads and waits. The first exception is thrown here.
  void parallel_for(int64_t count, const std::function<void(int64_t)>& body);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace netwright
