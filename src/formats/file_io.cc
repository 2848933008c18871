#include "formats/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "core/file.h"

namespace netwright {
namespace {

constexpr size_t kWriteBuffer = 256 << 10;

std::string reason() { return std::strerror(errno); }

void write_fully(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("{}: can't write: {}", path, reason());
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

ReadOnlyFile::ReadOnlyFile(std::string path) : path_(std::move(path)), descriptor_(open_regular_file(path_)) {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) {
    ::close(descriptor_);
    fail("{}: can't read: {}", path_, reason());
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

ReadOnlyFile::~ReadOnlyFile() { ::close(descriptor_); }

size_t ReadOnlyFile::read_some(uint64_t offset, char* target, size_t count) const {
  size_t done = 0;
  while (done < count) {
    const ssize_t got = pread(descriptor_, target + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: can't read at byte {}: {}", path_, offset + done, reason());
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void ReadOnlyFile::read_at(uint64_t offset, char* target, size_t count) const {
  const size_t got = read_some(offset, target, count);
  if (got != count) {
    fail("{}: cut short: expected {} bytes at byte {}, found {}", path_, count, offset, got);
  }
}

OutputFile::OutputFile(std::string path, Mode mode) : path_(std::move(path)) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (mode == Mode::kCreate ? O_EXCL : O_TRUNC);
  descriptor_ = open(path_.c_str(), flags, 0644);
  if (descriptor_ < 0) fail("{}: can't write: {}", path_, reason());
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::write(std::string_view bytes) {
  if (descriptor_ < 0) fail("{}: can't write: it is closed", path_);
  offset_ += bytes.size();
  if (buffer_.size() + bytes.size() > kWriteBuffer) flush();
  if (bytes.size() > kWriteBuffer) {
    write_fully(descriptor_, bytes, path_);
  } else {
    buffer_.append(bytes);
  }
}

void OutputFile::flush() {
  write_fully(descriptor_, buffer_, path_);
  buffer_.clear();
}

void OutputFile::sync() {
  flush();
  // EINVAL: a device or a pipe.
  if (fsync(descriptor_) != 0 && errno != EINVAL) fail("{}: can't write: {}", path_, reason());
}

void OutputFile::close() {
  if (descriptor_ < 0) return;
  flush();
  const int result = ::close(descriptor_);
  descriptor_ = -1;
  if (result != 0) fail("{}: can't write: {}", path_, reason());
}

}  // namespace netwright
