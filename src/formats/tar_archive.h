// Tar archives, also those that lie within another archive: what is in them and where, so that a file inside is read
// like a part of the archive's file. Reading the format (ustar, GNU, pax) is libarchive's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/file_io.h"

namespace netwright {

// A file inside an archive, uncompressed and in one piece.
struct TarEntry {
  std::string name;     // with its folders, as the archive has it
  uint64_t offset = 0;  // of its first byte, in the file that holds the archive
  uint64_t size = 0;    // in bytes
};

// The plain files of an archive, in its order; folders and links are left out.
struct TarList {
  std::vector<TarEntry> entries;
  // Whether the blocks of zeros that close an archive are there. An archive cut exactly between two files lacks them.
  bool closed = false;
};

// Lists the archive that fills `file` from byte `offset` on for `size` bytes. Only headers are read. `name` is what
// messages call it. Throws Error when it isn't a tar archive, is compressed, cut short or damaged, or has a sparse
// file.
TarList list_tar(const ReadOnlyFile& file, uint64_t offset, uint64_t size, const std::string& name);

// The whole of a file.
TarList list_tar(const ReadOnlyFile& file);

}  // namespace netwright
