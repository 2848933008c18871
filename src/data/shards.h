// Labelled pictures into TFRecord shards, laid out as imagenet_to_gcs.py does: what `data convert` and `data fake`
// share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace netwright {

// A picture as it goes into a record.
struct LabelledPicture {
  std::string encoded;   // JPEG or PNG
  int64_t label = 0;     // from 0
  std::string filename;  // without its folder
};

// The pictures of one split, and how they are divided.
struct ShardPart {
  std::string name;  // "train", "validation"
  int64_t shards = 1;
  int64_t size = 0;   // pictures
  int64_t bytes = 0;  // of all pictures, about; 0 when it isn't known
  // Tells data sets apart: a folder half full of one isn't completed with another.
  uint32_t fingerprint = 0;
  // The picture at a place. Called by several threads; throws Error that names the picture.
  std::function<LabelledPicture(int64_t place)> picture;
};

struct ShardSet {
  std::vector<ShardPart> parts;
  std::vector<std::string> class_names;  // in the order of the labels
};

// Throws Error for a name that labels.txt, with one name a line, can't hold, and for one that is there twice.
void check_class_names(const std::vector<std::string>& names);

// The record of a picture: image/encoded, image/format (what the content is), image/height, image/width, image/channels
// (3, as the original writes for grey ones too), image/colorspace ("RGB"), image/class/label (1 + label),
// image/class/synset (the class's name) and image/filename. Throws Error when it is neither JPEG nor PNG.
std::string image_record(const LabelledPicture& picture, const std::string& class_name);

// Writes NAME-00000-of-00008, ... of each part and, last, labels.txt: one class name a line, in the order of the
// labels. Shard i holds the pictures [i * ceil(size / shards), (i + 1) * ceil(size / shards)), so the last ones of a
// small set may be short or empty.
//
// A shard is written under a hidden name and renamed when it is whole. What is being written stands in conversion.txt;
// when the folder holds the same already, only the shards that are missing are written.
class ShardWriter {
 public:
  // Makes the folder, and holds it locked for as long as this lives. `set` must outlive it. Throws Error for a bad
  // number of shards or class name, a folder that can't be written, is in use, holds other records, or has too little
  // space left.
  ShardWriter(const ShardSet& set, const std::string& folder);

  // Shows progress. Throws Error when a picture can't be had or the disk is full; whole shards stay.
  void write(int threads);

  // Shards that were there already.
  int64_t kept() const { return kept_; }

 private:
  void check_foreign() const;
  void check_space() const;
  void write_part(size_t index, class ThreadPool& pool);
  std::string shard_path(const ShardPart& part, int64_t shard) const;

  const ShardSet& set_;
  std::string folder_;
  std::unique_ptr<FileLock> lock_;
  std::string manifest_;
  std::vector<std::vector<int64_t>> missing_;  // of each part, the shards to write
  int64_t kept_ = 0;
};

// Adds to a fingerprint.
uint32_t extend_fingerprint(uint32_t fingerprint, std::string_view text, int64_t number);

}  // namespace netwright
