// A data set as the tools see it that look at all of it and go on past damage: every record or image with its place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/image.h"
#include "formats/example.h"

namespace netwright {

// Where something lies: a file, and in a file of records the record's number (from 0) and first byte.
struct DataPlace {
  std::string file;
  std::optional<int64_t> record;
  std::optional<int64_t> offset;
};

// "train-00003-of-00008, record 17 at byte 5979".
std::string place_text(const DataPlace& place);

// Which features of a record hold the picture and its label.
struct RecordLayout {
  std::string_view name;
  std::string_view image;
  std::string_view label;
  int64_t label_base;  // the first class's label
};
// imagenet_to_gcs.py's layout, then that of TensorFlow Datasets; null when a record has neither's image.
const RecordLayout* find_layout(const Example& example);

// One record or image; reused from one to the next.
struct DataItem {
  std::optional<Example> example;  // of records
  std::string encoded;             // the picture's file; empty when the record has none or `decoded`
  Image pixels;                    // when `decoded`
  bool decoded = false;
  std::optional<int64_t> label;  // as it is stored
};

// Throws Error for a picture of no bytes, which doesn't name the place. `layout` is the record's, if it is one.
void check_not_empty(const DataItem& item, const RecordLayout* layout);

// The items of a data set. Const members may be called by several threads.
class DataItems {
 public:
  virtual ~DataItems() = default;
  virtual int64_t size() const = 0;
  // Throws Error that doesn't name the place.
  virtual void read(int64_t index, DataItem& item) const = 0;
  virtual DataPlace place(int64_t index) const = 0;
};

// What is wrong with a file as a whole.
struct FileFault {
  DataPlace place;
  std::string what;
};

// A split, or files that belong together by their names.
struct DataSet {
  std::string name;  // "train", "validation", or what the user wrote
  std::string kind;  // "TFRecords", "IDX files", "folders of images"
  int64_t files = 0;
  int64_t bytes = 0;
  std::unique_ptr<DataItems> items;
  std::vector<FileFault> faults;         // damaged headers, shards that are missing, no records at all
  std::vector<std::string> class_names;  // in the order of the labels; empty when the data don't say
};

// Opens what the words name: folders (as open_source takes them, both splits; records may also be named *.tfrecord*),
// files of records and patterns of them. Names like train-00003-of-00008 are taken apart: files with the same beginning
// are a set. Throws Error when a word names nothing.
std::vector<DataSet> open_data_sets(const std::vector<std::string>& words);

}  // namespace netwright
