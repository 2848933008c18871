// Limits of control groups, in folders like those of the kernel.
#include "core/process_memory.h"

#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

#include "support/testing.h"

namespace netwright {
namespace {

using test::TemporaryFolder;

class ControlGroups : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(root_.file(path)).parent_path());
    root_.write(path, content);
  }
  const TemporaryFolder root_;
};

TEST_F(ControlGroups, NoLimitIsTheLargestNumber) {
  EXPECT_EQ(control_group_room(root_.path()), std::numeric_limits<int64_t>::max());
  write("proc/self/cgroup", "0::/job\n");
  write("sys/fs/cgroup/job/memory.max", "max\n");
  write("sys/fs/cgroup/job/memory.current", "1000\n");
  EXPECT_EQ(control_group_room(root_.path()), std::numeric_limits<int64_t>::max());
}

TEST_F(ControlGroups, Version2HasTheTightestOfTheGroupsAbove) {
  write("proc/self/cgroup", "0::/slice/job\n");
  write("sys/fs/cgroup/slice/job/memory.max", "9000\n");
  write("sys/fs/cgroup/slice/job/memory.current", "1000\n");
  EXPECT_EQ(control_group_room(root_.path()), 8000);
  write("sys/fs/cgroup/slice/memory.max", "7000\n");
  write("sys/fs/cgroup/slice/memory.current", "3000\n");
  write("sys/fs/cgroup/slice/memory.stat", "anon 5\ninactive_file 500\n");
  EXPECT_EQ(control_group_room(root_.path()), 4500);
}

TEST_F(ControlGroups, Version1AndAContainersOwnMount) {
  write("proc/self/cgroup", "7:cpu:/x\n4:memory:/outside/of/the/container\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "6000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "7000\n");
  EXPECT_EQ(control_group_room(root_.path()), 0);
}

TEST(ProcessMemory, SomethingIsAvailable) {
  EXPECT_GT(available_bytes(), resident_bytes() / 100);
  EXPECT_LT(available_bytes(), int64_t{1} << 50);
}

}  // namespace
}  // namespace netwright
