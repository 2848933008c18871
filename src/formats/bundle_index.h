// The table PREFIX.index: LevelDB's table format, and the keys of slices. Source: shared spec formats.md, section 3.2
// and 3.3.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace netwright {

using TableEntries = std::vector<std::pair<std::string, std::string>>;

// All entries, in the order of their keys. Throws Error that names the file when any byte that matters is wrong.
TableEntries read_table(const std::string& path);

// Writes and syncs a table as TensorFlow does: one block of 256 KiB after the other, not compressed.
void write_table(const std::string& path, const std::map<std::string, std::string>& entries);

// One axis of a slice; length -1 is the whole axis.
struct SliceExtent {
  int64_t start = 0;
  int64_t length = -1;
};

// The key under which a part of the partitioned variable `name` is stored.
std::string slice_key(std::string_view name, const std::vector<SliceExtent>& extents);

}  // namespace netwright
