// Other people's data sets into TFRecord shards as imagenet_to_gcs.py writes them: the library's side of
// `netwright data convert`. Source: tensorflow/tpu, tools/datasets/imagenet_to_gcs.py.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace netwright {

struct ConvertOptions {
  // A folder that holds one of
  //   MNIST's four IDX files (or two), plain or gzipped;
  //   ImageNet's archives as they are downloaded, ILSVRC2012_img_train.tar (a tar of one tar a class) and
  //   ILSVRC2012_img_val.tar with synset_labels.txt, or what imagenet_to_gcs.py makes of them: train/CLASS/*, and
  //   validation/* (or val) without folders of classes; either split may be missing;
  //   images by class: CLASS/* (all are training images), or train/CLASS/* and validation/CLASS/* (or val).
  std::string input;
  std::string output;  // a folder, made if need be
  // When not given: 1024 and 128 of ImageNet, else 8 and 1.
  std::optional<int64_t> train_shards;
  std::optional<int64_t> validation_shards;
  // Of IDX files, in the order of their labels. When empty: Fashion-MNIST's if the input's name says so, else "0", "1".
  std::vector<std::string> class_names;
  // ImageNet's files where they aren't in `input` under their own names. The labels: one WordNet id a line, in the
  // order of the images' names (synset_labels.txt), or Kaggle's LOC_val_solution.csv.
  std::string train_archive;
  std::string validation_archive;
  std::string validation_labels;
  int threads = 1;
};

struct ConvertResult {
  int64_t train_images = 0;
  int64_t validation_images = 0;
  std::vector<std::string> class_names;
};

// Writes the shards and labels.txt (see data/shards.h, also for what a folder may hold before and how a killed
// conversion goes on). Labels are 1 + the class's rank.
//
// IDX images are stored as grey PNG, in the file's order. Image files are stored as they are, whatever their names say;
// a CMYK JPEG becomes an RGB JPEG of quality 100, and of ImageNet a PNG too, as imagenet_to_gcs.py does with the 23
// images that need it. Training images are sorted by class and name and then in the order of python_shuffle(n, 0), that
// program's; others are sorted by path. The nine features are ImageNet's; image/format is what the content is,
// image/class/synset the class name.
//
// Throws Error for an input that holds none of these, archives that are damaged or something else, labels that don't
// match the images, a file that is no whole JPEG or PNG (by its header and end; pixels are not decoded), labels beyond
// the class names, and for an output folder that can't be used. `checked`, if given, is called when input and output
// are found sound, before the first image is read.
ConvertResult convert_data(const ConvertOptions& options, const std::function<void()>& checked = {});

}  // namespace netwright
