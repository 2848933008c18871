#include "core/thread_pool.h"

#include <atomic>
#include <future>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace netwright {
namespace {

TEST(ThreadPool, EveryIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const int64_t count : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      pool.parallel_for(count, [&](int64_t i) { ++seen[static_cast<size_t>(i)]; });
      for (const auto& times : seen) ASSERT_EQ(times, 1);
    }
  }
}

TEST(ThreadPool, TheFirstExceptionIsThrownAndThePoolLivesOn) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    try {
      pool.parallel_for(1000, [&](int64_t i) {
        if (i == 5) fail("sample {} is bad", i);
      });
      FAIL() << "no exception";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "sample 5 is bad");
    }
  }
  std::atomic<int64_t> sum = 0;
  pool.parallel_for(100, [&](int64_t i) { sum += i; });
  EXPECT_EQ(sum, 4950);
}

TEST(ThreadPool, NothingNewBeginsAfterAnException) {
  ThreadPool pool(1);
  int64_t last = -1;
  EXPECT_THROW(pool.parallel_for(100,
                                 [&](int64_t i) {
                                   last = i;
                                   if (i == 5) fail("sample {} is bad", i);
                                 }),
               Error);
  EXPECT_EQ(last, 5);
}

TEST(ThreadPool, SubmittedTasksRun) {
  ThreadPool pool(2);
  std::promise<int> promise;
  pool.submit([&] { promise.set_value(7); });
  EXPECT_EQ(promise.get_future().get(), 7);
}

TEST(ThreadPool, TheDestructorWaitsForWhatRunsAndDropsTheRest) {
  std::promise<void> begun;
  std::promise<void> go;
  std::atomic<bool> ended = false;
  std::atomic<bool> dropped_ran = false;
  std::thread opener;
  {
    ThreadPool pool(1);
    pool.submit([&] {
      begun.set_value();
      go.get_future().wait();
      ended = true;
    });
    begun.get_future().wait();
    pool.submit([&] { dropped_ran = true; });
    opener = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      go.set_value();
    });
  }
  EXPECT_TRUE(ended);
  EXPECT_FALSE(dropped_ran);
  opener.join();
}

}  // namespace
}  // namespace netwright
