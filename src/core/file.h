// Files: reading whole, replacing atomically, patterns, locks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace netwright {

// A descriptor to read from. Throws Error for what can't be opened and for what is no regular file: a pipe may never
// say anything, a device never end.
int open_regular_file(const std::string& path);

// The whole file. Throws Error as above, or when it can't be read.
std::string read_file(const std::string& path);

// "a/b" -> "a", "b" -> ".".
std::string folder_of(const std::string& path);

// Renames a finished file and syncs the folder, so that the new name survives a power cut.
void rename_and_sync(const std::string& from, const std::string& to);

// Replaces `path` so that a reader, or a machine that stops at any moment, sees the old file or the new one: `write`
// makes the file whose temporary name, beside the old one, it is given, and syncs it; then it is renamed and the folder
// synced. Throws Error; then the old file stays. A link goes on to point where it does. What is no file (/dev/null, a
// pipe) is never replaced: `write` is given its own name.
void replace_file(const std::string& path, const std::function<void(const std::string& name)>& write);

// replace_file with `content`.
void write_file_atomically(const std::string& path, std::string_view content);

// Flushes a finished file, or a folder's entries, to the disk.
void sync_path(const std::string& path);

// Makes the folder and those above it. Throws Error when it can't be made or written to.
void make_writable_folder(const std::string& path);

// Files that match a shell pattern, sorted by name. What exists under the very name is meant, and a folder that exists
// is no pattern, whatever is in its name ("set[1]/train-*"). Empty when none matches.
std::vector<std::string> match_files(const std::string& pattern);

// Holds `path` locked for this process, for as long as it lives. Another holder is waited for, or an Error that says
// what is in use.
class FileLock {
 public:
  enum class Mode { kTry, kWait };
  FileLock(const std::string& path, std::string_view what, Mode mode = Mode::kTry);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace netwright
