// Other people's data sets into TFRecord shards as imagenet_to_gcs.py writes them: the library's side of
// `netwright data convert`. Source: shared spec formats.md, section 2.2.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace netwright {

struct ConvertOptions {
  // A folder: MNIST's four IDX files (or two), plain or gzipped; or images by class, input/CLASS/* (all are training
  // images), or input/train/CLASS/* and input/validation/CLASS/* (or val).
  std::string input;
  std::string output;  // a folder, made if need be
  int64_t train_shards = 8;
  int64_t validation_shards = 1;
  // Of IDX files, in the order of their labels. When empty: Fashion-MNIST's if the input's name says so, else "0", "1".
  std::vector<std::string> class_names;
  int threads = 1;
};

struct ConvertResult {
  int64_t train_images = 0;
  int64_t validation_images = 0;
  std::vector<std::string> class_names;
};

// Writes train-00000-of-00008, ..., validation-00000-of-00001, ... and, last, labels.txt: one class name a line, in the
// order of the labels. Each file is written under a temporary name and renamed, so a shard is there whole or not at
// all; files of the same names are replaced.
//
// Shard i holds images [i * ceil(n / shards), (i + 1) * ceil(n / shards)). Labels are 1 + the class's rank. IDX images
// are stored as grey PNG, in the file's order. Image files are stored as they are (a CMYK JPEG as RGB JPEG of quality
// 100), training images in a random order that is always the same, others sorted by path. The nine features are
// ImageNet's; image/format is what the content is, image/class/synset the class name.
//
// Throws Error for an input that holds neither, a file that is no whole JPEG or PNG (by its header and end; pixels are
// not decoded), labels beyond the class names, a bad number of shards, and an output folder that can't be written or
// holds shards of another number. `checked`, if given, is called when input and output are found sound, before the
// first image is read.
ConvertResult convert_data(const ConvertOptions& options, const std::function<void()>& checked = {});

}  // namespace netwright
