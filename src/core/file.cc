#include "core/file.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace netwright {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

std::string reason() { return std::strerror(errno); }

void write_all(int descriptor, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("{}: can't write: {}", path, reason());
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

int open_regular_file(const std::string& path) {
  // Without O_NONBLOCK a pipe that nobody writes to would keep us here.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail("{}: can't read: {}", path, reason());
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) return descriptor;
  close(descriptor);
  if (S_ISDIR(status.st_mode)) fail("{}: can't read: {}", path, std::strerror(EISDIR));
  fail("{}: not a regular file", path);
}

std::string read_file(const std::string& path) {
  const Descriptor file(open_regular_file(path));
  std::string content;
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  if (!ignored) content.reserve(size);
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("{}: can't read: {}", path, reason());
    if (count == 0) return content;
    content.append(buffer, static_cast<size_t>(count));
  }
}

void sync_path(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || fsync(file.get()) != 0) fail("{}: can't sync: {}", path, reason());
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void rename_and_sync(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) fail("{}: can't replace: {}", to, reason());
  sync_path(folder_of(to));
}

void replace_file(const std::string& path, const std::function<void(const std::string& name)>& write) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::is_other(fs::status(path, ignored))) return write(path);
  std::string target = path;
  if (fs::is_symlink(path, ignored) && fs::exists(path, ignored)) target = fs::canonical(path, ignored).string();
  const std::string temporary = fmt::format("{}.tmp{}", target, getpid());
  try {
    write(temporary);
    rename_and_sync(temporary, target);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
}

void write_file_atomically(const std::string& path, std::string_view content) {
  replace_file(path, [&](const std::string& name) {
    const Descriptor file(open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) fail("{}: can't write: {}", path, reason());
    write_all(file.get(), content, path);
    // EINVAL: a device or a pipe.
    if (fsync(file.get()) != 0 && errno != EINVAL) fail("{}: can't write: {}", path, reason());
  });
}

void make_writable_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail("{}: can't make the folder: {}", path, error.message());
  if (!std::filesystem::is_directory(path)) fail("{}: is not a folder", path);
  if (access(path.c_str(), W_OK | X_OK) != 0) fail("{}: can't write into the folder: {}", path, reason());
}

std::vector<std::string> match_files(const std::string& pattern) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(pattern, ignored)) return {pattern};
  const fs::path folder = fs::path(pattern).parent_path();
  std::vector<std::string> paths;
  if (fs::is_directory(folder.empty() ? "." : folder, ignored)) {
    const std::string names = fs::path(pattern).filename().string();
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
      const fs::path name = entry.path().filename();
      if (fnmatch(names.c_str(), name.c_str(), FNM_PERIOD) == 0) paths.push_back(folder / name);
    }
  } else {
    glob_t result{};
    if (glob(pattern.c_str(), GLOB_NOSORT, nullptr, &result) == 0) {
      paths.assign(result.gl_pathv, result.gl_pathv + result.gl_pathc);
    }
    globfree(&result);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

FileLock::FileLock(const std::string& path, std::string_view what, Mode mode)
    : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail("{}: can't write: {}", path, reason());
  if (flock(descriptor_, mode == Mode::kTry ? LOCK_EX | LOCK_NB : LOCK_EX) == 0) return;
  const std::string why = errno == EWOULDBLOCK ? "another process holds it" : reason();
  close(descriptor_);
  fail("{} is in use: {} ({})", what, why, path);
}

FileLock::~FileLock() { close(descriptor_); }

}  // namespace netwright
