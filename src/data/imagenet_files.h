// ImageNet's classification set of 2012 as it is downloaded: archives and validation labels.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/picture_files.h"

namespace netwright {

// Image files before their classes have numbers: items[i] is of class classes[i].
struct SynsetFiles {
  PictureFiles files;
  std::vector<std::string> classes;
};

// ILSVRC2012_img_train.tar: one archive a class, named after it, with that class's images. Sorted by class and name.
// Throws Error when it is something else, or it or an archive inside is damaged.
SynsetFiles list_train_archive(const std::string& path);

// ILSVRC2012_img_val.tar: images, sorted by name; no classes yet. Throws Error as above.
PictureFiles list_validation_archive(const std::string& path);

// A folder's images, sorted by name.
PictureFiles list_validation_folder(const std::filesystem::path& folder);

// The classes of the validation images. `path` has one WordNet id a line, in the order of the images' names, or is
// Kaggle's LOC_val_solution.csv. Without images (`images` null) nothing but the ids' form is checked. Throws Error for
// another number of labels than images, an image without a label, and what isn't a WordNet id.
std::vector<std::string> read_validation_labels(const std::string& path, const PictureFiles* images);

}  // namespace netwright
