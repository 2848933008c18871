#include "core/process_memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace netwright {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// A line "VmRSS:     1234 kB" of a file in /proc; 0 when there is none.
int64_t proc_bytes(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    int64_t kilobytes = 0;
    if (word == key && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

int64_t status_bytes(const std::string& key) { return proc_bytes("/proc/self/status", key); }

// A file with one number; nothing where there is none ("max").
std::optional<int64_t> read_number(const std::filesystem::path& path) {
  std::ifstream file(path);
  int64_t value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

// "inactive_file 1234" of memory.stat: cached files that go when memory is needed.
int64_t reclaimable(const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  for (int64_t value = 0; file >> word >> value;) {
    if (word == key) return value;
  }
  return 0;
}

// How a version of control groups calls its files.
struct GroupFiles {
  const char* mount;
  const char* limit;
  const char* usage;
  const char* cached;
};
constexpr GroupFiles kVersion1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                                  "total_inactive_file"};
constexpr GroupFiles kVersion2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

int64_t room_of_group(const std::filesystem::path& folder, const GroupFiles& files) {
  const std::optional<int64_t> limit = read_number(folder / files.limit);
  const std::optional<int64_t> usage = read_number(folder / files.usage);
  if (!limit || !usage) return kUnlimited;
  return std::max<int64_t>(0, *limit - *usage + reclaimable(folder / "memory.stat", files.cached));
}

// The limits of a group hold for those inside. In a container the group's own path may lie outside of what is mounted.
int64_t room_of_groups(const std::string& root, const std::string& group, const GroupFiles& files) {
  const std::filesystem::path mount = root + files.mount;
  int64_t room = room_of_group(mount, files);
  for (std::filesystem::path inner = group; inner.has_relative_path(); inner = inner.parent_path()) {
    room = std::min(room, room_of_group(mount / inner.relative_path(), files));
  }
  return room;
}

int64_t address_space_room() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  return std::max<int64_t>(0, static_cast<int64_t>(limit.rlim_cur) - status_bytes("VmSize:"));
}

}  // namespace

int64_t available_bytes() {
  const int64_t machine = proc_bytes("/proc/meminfo", "MemAvailable:");
  return std::min({machine > 0 ? machine : kUnlimited, control_group_room(), address_space_room()});
}

// Lines "4:memory:/group" of version 1 and "0::/group" of version 2.
int64_t control_group_room(const std::string& root) {
  int64_t room = kUnlimited;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) room = std::min(room, room_of_groups(root, group, kVersion2));
    if (controllers == "memory") room = std::min(room, room_of_groups(root, group, kVersion1));
  }
  return room;
}

int64_t resident_bytes() { return status_bytes("VmRSS:"); }

int64_t peak_resident_bytes() { return status_bytes("VmHWM:"); }

bool reset_peak_resident_bytes() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5";
  return static_cast<bool>(file.flush());
}

}  // namespace netwright
