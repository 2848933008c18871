#include "data/shards.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/text.h"
#include "core/thread_pool.h"
#include "data/decode.h"
#include "formats/crc32c.h"
#include "formats/example.h"
#include "formats/tfrecord.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxShards = 99999;
// A record's features besides the picture, with names and framing.
constexpr int64_t kRecordOverhead = 400;

struct PictureRange {
  int64_t begin;
  int64_t end;
};

PictureRange shard_range(const ShardPart& part, int64_t shard) {
  const int64_t chunk = (part.size + part.shards - 1) / part.shards;
  return {std::min(part.size, shard * chunk), std::min(part.size, (shard + 1) * chunk)};
}

std::string describe(const ShardSet& set) {
  std::string text = "Written by netwright data; when the command is given again, only missing shards are written.\n";
  for (const ShardPart& part : set.parts) {
    text += fmt::format("{}: {} images in {} shards, fingerprint {:08x}\n", part.name, part.size, part.shards,
                        part.fingerprint);
  }
  const std::string classes = join(set.class_names, "\n");
  return text + fmt::format("{} classes, fingerprint {:08x}\n", set.class_names.size(), crc32c(classes));
}

// A file under a temporary name until it is whole; a hidden one, which no pattern of shards matches.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path)
      : final_(path), path_(fs::path(path).parent_path() / ("." + fs::path(path).filename().string() + ".partial")) {}
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void commit() const {
    sync_path(path_);
    std::error_code error;
    fs::rename(path_, final_, error);
    if (error) fail("{}: can't be written: {}", final_, error.message());
  }

 private:
  std::string final_;
  std::string path_;
};

}  // namespace

void check_class_names(const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty()) fail("an empty name");
    if (std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == 0x7f; })) {
      fail("\"{}\" has a control character; expected names of one line", name);
    }
    if (!seen.insert(name).second) fail("{} is there twice", name);
  }
}

std::string image_record(const LabelledPicture& picture, const std::string& class_name) {
  const ImageHeader header = read_image_header(picture.encoded);
  Example example;
  example.set_int64("image/height", header.height);
  example.set_int64("image/width", header.width);
  example.set_int64("image/channels", 3);
  example.set_bytes("image/colorspace", "RGB");
  example.set_bytes("image/format", std::string(image_kind_name(header.kind)));
  example.set_bytes("image/filename", picture.filename);
  example.set_bytes("image/encoded", picture.encoded);
  example.set_int64("image/class/label", picture.label + 1);
  example.set_bytes("image/class/synset", class_name);
  return example.serialize();
}

uint32_t extend_fingerprint(uint32_t fingerprint, std::string_view text, int64_t number) {
  return crc32c_extend(fingerprint, fmt::format("{}\n{}\n", text, number));
}

ShardWriter::ShardWriter(const ShardSet& set, const std::string& folder)
    : set_(set), folder_(folder), manifest_(describe(set)) {
  for (const ShardPart& part : set.parts) {
    if (part.shards < 1 || part.shards > kMaxShards) fail("{} shards; expected 1 to {}", part.shards, kMaxShards);
  }
  try {
    check_class_names(set.class_names);
  } catch (const Error& error) {
    fail("class names: {}", error.what());
  }
  if (folder.empty()) fail("no output folder given");
  make_writable_folder(folder);
  lock_ = std::make_unique<FileLock>(folder + "/.lock", folder);
  check_foreign();
  for (const ShardPart& part : set.parts) {
    std::vector<int64_t>& missing = missing_.emplace_back();
    for (int64_t shard = 0; shard < part.shards; ++shard) {
      if (!fs::exists(shard_path(part, shard))) missing.push_back(shard);
    }
    kept_ += part.shards - static_cast<int64_t>(missing.size());
  }
  check_space();
}

std::string ShardWriter::shard_path(const ShardPart& part, int64_t shard) const {
  return fmt::format("{}/{}-{:05d}-of-{:05d}", folder_, part.name, shard, part.shards);
}

// Shards of other data beside ours would be read together with them.
void ShardWriter::check_foreign() const {
  const std::string path = folder_ + "/conversion.txt";
  const bool begun = fs::exists(path);
  if (begun && read_file(path) == manifest_) return;
  for (const char* name : {"train", "validation"}) {
    for (const std::string& shard : match_files(fmt::format("{}/{}-*", folder_, name))) {
      fail("{}: in the way; {} (give an empty folder)", shard,
           begun ? "it was written from other data or with other settings"
                 : "it would be read together with the new records");
    }
  }
}

void ShardWriter::check_space() const {
  int64_t needed = 0;
  for (size_t i = 0; i < set_.parts.size(); ++i) {
    const ShardPart& part = set_.parts[i];
    if (part.bytes == 0) continue;
    int64_t pictures = 0;
    for (const int64_t shard : missing_[i]) {
      const PictureRange range = shard_range(part, shard);
      pictures += range.end - range.begin;
    }
    needed += pictures * (part.bytes / part.size + kRecordOverhead);
  }
  std::error_code unknown;
  const fs::space_info space = fs::space(folder_, unknown);
  if (unknown || static_cast<uint64_t>(needed) <= space.available) return;
  fail("{}: the records need about {}, but only {} are free there", folder_, format_bytes(needed),
       format_bytes(static_cast<int64_t>(space.available)));
}

void ShardWriter::write_part(size_t index, ThreadPool& pool) {
  const ShardPart& part = set_.parts[index];
  const std::vector<int64_t>& missing = missing_[index];
  int64_t done = part.size;
  for (const int64_t shard : missing) done -= shard_range(part, shard).end - shard_range(part, shard).begin;
  Progress progress("writing " + part.name, "images", part.size, done);
  std::mutex mutex;
  pool.parallel_for(static_cast<int64_t>(missing.size()), [&](int64_t i) {
    const int64_t shard = missing[static_cast<size_t>(i)];
    const PictureRange range = shard_range(part, shard);
    const TemporaryFile file(shard_path(part, shard));
    RecordWriter writer(file.path());
    for (int64_t place = range.begin; place < range.end; ++place) {
      const LabelledPicture picture = part.picture(place);
      writer.write(image_record(picture, set_.class_names[static_cast<size_t>(picture.label)]));
      const std::lock_guard lock(mutex);
      progress.update(++done);
    }
    writer.close();
    file.commit();
  });
  progress.finish();
}

void ShardWriter::write(int threads) {
  // What a killed process leaves.
  for (const char* pattern : {"/.*-of-*.partial", "/conversion.txt.tmp*", "/labels.txt.tmp*"}) {
    for (const std::string& left : match_files(folder_ + pattern)) {
      std::error_code ignored;
      fs::remove(left, ignored);
    }
  }
  write_file_atomically(folder_ + "/conversion.txt", manifest_);
  if (kept_ > 0) log_info("{}: {} shards are there already", folder_, kept_);
  ThreadPool pool(threads);
  for (size_t i = 0; i < set_.parts.size(); ++i) write_part(i, pool);
  sync_path(folder_);
  write_file_atomically(folder_ + "/labels.txt", join(set_.class_names, "\n") + "\n");
}

}  // namespace netwright
