#include "formats/tar_archive.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "core/error.h"

namespace netwright {
namespace {

constexpr uint64_t kBlock = 512;

// The bytes of one archive, as libarchive asks for them: header by header, skipping what lies between.
struct Window {
  const ReadOnlyFile& file;
  uint64_t position;
  uint64_t end;
  std::array<char, 4 * kBlock> buffer{};

  size_t read() {
    const size_t got = file.read_some(position, buffer.data(), std::min<uint64_t>(buffer.size(), end - position));
    position += got;
    return got;
  }
  uint64_t skip(uint64_t count) {
    const uint64_t step = std::min(count, end - position);
    position += step;
    return step;
  }
};

// No exception may pass through libarchive.
la_ssize_t read_callback(archive* archive, void* data, const void** bytes) {
  auto* window = static_cast<Window*>(data);
  try {
    *bytes = window->buffer.data();
    return static_cast<la_ssize_t>(window->read());
  } catch (const Error& error) {
    archive_set_error(archive, EIO, "%s", error.what());
    return ARCHIVE_FATAL;
  }
}

la_int64_t skip_callback(archive*, void* data, la_int64_t count) {
  return static_cast<la_int64_t>(static_cast<Window*>(data)->skip(static_cast<uint64_t>(count)));
}

struct FreeArchive {
  void operator()(archive* archive) const { archive_read_free(archive); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

[[noreturn]] void refuse(archive* archive, const std::string& name) {
  const char* reason = archive_error_string(archive);
  fail("{}: damaged or cut short near byte {}: {}", name, archive_filter_bytes(archive, -1),
       reason != nullptr ? reason : "unknown");
}

bool is_plain_file(archive_entry* entry) {
  return archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
}

TarEntry plain_file(archive_entry* entry, uint64_t offset, const std::string& name) {
  const char* path = archive_entry_pathname(entry);
  if (path == nullptr) path = archive_entry_pathname_utf8(entry);
  if (path == nullptr) fail("{}: a file's name can't be read (at byte {})", name, offset);
  if (archive_entry_sparse_count(entry) > 0) fail("{}: {} is a sparse file; expected ordinary ones", name, path);
  return {path, offset, static_cast<uint64_t>(archive_entry_size(entry))};
}

bool ends_in_zeros(const ReadOnlyFile& file, uint64_t begin, uint64_t end) {
  if (end - begin < 2 * kBlock) return false;
  std::array<char, 2 * kBlock> last{};
  file.read_at(end - last.size(), last.data(), last.size());
  return std::ranges::all_of(last, [](char byte) { return byte == 0; });
}

// What archives come wrapped in.
void refuse_compressed(const ReadOnlyFile& file, uint64_t offset, const std::string& name) {
  std::array<char, 4> magic{};
  const std::string_view bytes(magic.data(), file.read_some(offset, magic.data(), magic.size()));
  for (const std::string_view start : {"\x1f\x8b", "BZh", "\xfd\x37zX", "\x28\xb5\x2f\xfd"}) {
    if (bytes.starts_with(start)) {
      fail("{}: compressed; its images are read in another order than they lie in, so decompress it first", name);
    }
  }
}

}  // namespace

TarList list_tar(const ReadOnlyFile& file, uint64_t offset, uint64_t size, const std::string& name) {
  refuse_compressed(file, offset, name);
  Window window{file, offset, offset + size};
  const Archive reader(archive_read_new());
  if (!reader) fail("{}: no memory to read it", name);
  archive_read_support_format_tar(reader.get());
  archive_read_set_callback_data(reader.get(), &window);
  archive_read_set_read_callback(reader.get(), read_callback);
  archive_read_set_skip_callback(reader.get(), skip_callback);
  if (archive_read_open1(reader.get()) != ARCHIVE_OK) fail("{}: not a tar archive", name);
  TarList list;
  archive_entry* entry = nullptr;
  for (;;) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) refuse(reader.get(), name);
    if (!is_plain_file(entry)) continue;
    // Of the last filter, so far: all headers, and nothing of the file.
    const auto consumed = static_cast<uint64_t>(archive_filter_bytes(reader.get(), -1));
    list.entries.push_back(plain_file(entry, offset + consumed, name));
  }
  for (const TarEntry& last : list.entries) {
    if (last.offset + last.size > offset + size) fail("{}: cut short: {} reaches beyond its end", name, last.name);
  }
  list.closed = ends_in_zeros(file, offset, offset + size);
  return list;
}

TarList list_tar(const ReadOnlyFile& file) { return list_tar(file, 0, file.size(), file.path()); }

}  // namespace netwright
