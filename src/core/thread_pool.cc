#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>

namespace netwright {

int thread_count(int threads) {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    tasks_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::submit(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void ThreadPool::work() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void ThreadPool::parallel_for(int64_t count, const std::function<void(int64_t)>& body) {
  struct State {
    std::atomic<int64_t> next{0};
    std::mutex mutex;
    std::condition_variable done;
    int running = 0;
    std::exception_ptr error;
  };
  if (count <= 0) return;
  State state;
  const int workers = static_cast<int>(std::min<int64_t>(size(), count));
  state.running = workers;
  for (int w = 0; w < workers; ++w) {
    submit([&state, &body, count] {
      try {
        for (int64_t i = state.next++; i < count; i = state.next++) body(i);
      } catch (...) {
        const std::lock_guard lock(state.mutex);
        if (!state.error) state.error = std::current_exception();
        state.next = count;
      }
      const std::lock_guard lock(state.mutex);
      if (--state.running == 0) state.done.notify_all();
    });
  }
  std::unique_lock lock(state.mutex);
  state.done.wait(lock, [&state] { return state.running == 0; });
  if (state.error) std::rethrow_exception(state.error);
}

}  // namespace netwright
