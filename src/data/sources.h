// The kinds of ImageSource; open_source chooses.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/source.h"
#include "formats/tfrecord.h"

namespace netwright {

// TFRecords with image/encoded and image/class/label (spec formats 2.2, 2.3). Class names come from labels.txt beside
// the first file, if there is one.
class RecordSource : public ImageSource {
 public:
  // `asked` is what the user wrote, for messages.
  RecordSource(std::vector<std::string> paths, int64_t label_base, const std::string& asked);

  int64_t size() const override { return first_.back(); }
  void read(int64_t index, Sample& sample) const override;
  std::string describe(int64_t index) const override;
  int64_t label_base() const override { return label_base_; }
  std::vector<std::string> class_names() const override;

 private:
  struct Place {
    size_t file;
    const RecordLocation* record;
  };
  Place place(int64_t index) const;
  void parse(const std::string& record, Sample& sample) const;

  std::vector<std::string> paths_;
  int64_t label_base_;
  std::vector<RecordFile> files_;
  std::vector<std::vector<RecordLocation>> records_;  // of each file
  std::vector<int64_t> first_;                        // index of each file's first record, and the total
};

// Images by class: ROOT/CLASS/*.{jpg,jpeg,png}, in the order of their paths.
class FolderSource : public ImageSource {
 public:
  // `classes` may name classes that have no folder here (a validation set that lacks some), but not fewer than there
  // are folders. Empty: the folders' names, sorted.
  explicit FolderSource(const std::filesystem::path& root, std::vector<std::string> classes = {});

  int64_t size() const override { return static_cast<int64_t>(items_.size()); }
  void read(int64_t index, Sample& sample) const override;
  std::string describe(int64_t index) const override { return items_[static_cast<size_t>(index)].path; }
  std::vector<std::string> class_names() const override { return classes_; }

  const std::string& path(int64_t index) const { return items_[static_cast<size_t>(index)].path; }
  int64_t label(int64_t index) const { return items_[static_cast<size_t>(index)].label; }

 private:
  struct Item {
    std::string path;
    int64_t label;
  };
  std::vector<std::string> classes_;
  std::vector<Item> items_;
};

// A pair of IDX files, held in memory. Grey, given out as RGB.
class IdxSource : public ImageSource {
 public:
  IdxSource(const std::string& images, const std::string& labels);

  int64_t size() const override { return count_; }
  void read(int64_t index, Sample& sample) const override;
  std::string describe(int64_t index) const override;

  int64_t label(int64_t index) const { return labels_[static_cast<size_t>(index)]; }
  // One grey picture.
  void read_grey(int64_t index, Image& image) const;

 private:
  std::string path_;
  int64_t count_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  std::string pixels_;
  std::vector<uint8_t> labels_;
};

// Noise, the same for the same seed and index.
class FakeSource : public ImageSource {
 public:
  explicit FakeSource(const SourceOptions::Fake& options);

  int64_t size() const override { return options_.size; }
  void read(int64_t index, Sample& sample) const override;
  std::string describe(int64_t index) const override;

 private:
  SourceOptions::Fake options_;
};

// The regular files among those that match a pattern.
std::vector<std::string> match_records(const std::string& pattern);
// The same of a file's name or a pattern that the user gave: Error when there are none.
std::vector<std::string> named_records(const std::string& word);

// What a folder holds, as far as open_source and the converters must tell apart.
struct IdxPair {
  std::string images;
  std::string labels;
};
// The pair of a split, each plain or gzipped; empty names when there is neither, Error when one is missing.
IdxPair find_idx(const std::filesystem::path& folder, DataSplit split);
// ROOT/train, ROOT/val, ROOT/validation, or an empty path.
std::filesystem::path find_split_folder(const std::filesystem::path& root, DataSplit split);
// Whether there are images in a folder itself.
bool has_images(const std::filesystem::path& folder);
// Whether a name ends as those of JPEG and PNG files do, in small or capital letters.
bool is_image_name(const std::filesystem::path& path);
// The names of the folders inside, sorted.
std::vector<std::string> list_folders(const std::filesystem::path& root);

}  // namespace netwright
