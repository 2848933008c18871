// Where pictures and their labels come from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/image.h"

namespace netwright {

// One picture as a source gives it; reused from one to the next.
struct Sample {
  std::string encoded;   // the file's bytes, or
  Image pixels;          // RGB, when `decoded`
  bool decoded = false;  // no file: IDX, fake data
  int64_t label = 0;     // from 0
};

// A set of labelled pictures, any of which can be read at any time. Const members may be called by several threads.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  virtual int64_t size() const = 0;

  // Throws Error that names the picture.
  virtual void read(int64_t index, Sample& sample) const = 0;

  // For messages: "train-00003-of-00008, record 17 at byte 5979".
  virtual std::string describe(int64_t index) const = 0;

  // What the data call the first class: 1 in ImageNet's records, else 0.
  virtual int64_t label_base() const { return 0; }

  // In the order of the labels; empty when the data don't say.
  virtual std::vector<std::string> class_names() const { return {}; }
};

enum class DataSplit { kTrain, kValidation };

struct SourceOptions {
  // What --data says:
  //   fake                    noise (FakeOptions)
  //   DIR with train-*        ImageNet's TFRecords, as imagenet_to_gcs.py writes them: DIR/train-*, DIR/validation-*
  //   DIR with IDX files      train-images-idx3-ubyte, t10k-... and their labels, as they are or gzipped
  //   DIR with train/CLASS/*  images by class; train and val or validation. Classes sorted by name. Without these two
  //                           folders, DIR/CLASS/* for either split
  //   PATTERN                 TFRecords that match, sorted, whatever the split; several patterns joined by commas
  std::string data;
  DataSplit split = DataSplit::kTrain;
  int64_t label_base = 1;  // of TFRecords: the first class's label

  struct Fake {
    int64_t size = 50000;  // pictures
    int64_t classes = 1000;
    int64_t height = 224;
    int64_t width = 224;
    uint64_t seed = 0;
  } fake;
};

// Throws Error when nothing is there (it names what was looked for), nothing is in it, or a file is damaged as far as
// opening shows. Opening TFRecords reads the lengths of all records, with progress where that takes long.
std::shared_ptr<const ImageSource> open_source(const SourceOptions& options);

// One class name a line, as `data convert` writes them beside the records. Throws Error for an empty line.
std::vector<std::string> read_class_names(const std::string& path);

}  // namespace netwright
