// Files of this layer: positioned reads and buffered writes whose errors name the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace netwright {

// An open file; reads don't move a position, so several threads may share it.
class ReadOnlyFile {
 public:
  // Throws Error as open_regular_file.
  explicit ReadOnlyFile(std::string path);
  ~ReadOnlyFile();
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  // Bytes, as of opening.
  uint64_t size() const { return size_; }
  // Reads up to `count` bytes from `offset`; fewer only at the end of the file.
  size_t read_some(uint64_t offset, char* target, size_t count) const;
  // Reads exactly `count` bytes; Error when the file ends before.
  void read_at(uint64_t offset, char* target, size_t count) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// A file being written from its beginning.
class OutputFile {
 public:
  enum class Mode { kReplace, kCreate };
  // kCreate: Error when the file exists.
  explicit OutputFile(std::string path, Mode mode = Mode::kReplace);
  // Closes; what is still buffered is lost.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::string& path() const { return path_; }
  void write(std::string_view bytes);
  // Bytes written so far, buffered ones included.
  uint64_t offset() const { return offset_; }
  void flush();
  void sync();
  // Flushes and closes.
  void close();

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t offset_ = 0;
  std::string buffer_;
};

}  // namespace netwright
