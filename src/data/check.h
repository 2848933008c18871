// Everything in a data set read once: the library's side of `netwright data check`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/data_set.h"

namespace netwright {

struct CheckOptions {
  std::vector<std::string> data;      // as open_data_sets takes them
  std::optional<int64_t> classes;     // of the labels; when not given, as many as labels.txt has
  std::optional<int64_t> label_base;  // the first class's label; when not given, the layout's
  int threads = 1;
};

struct CheckedSet {
  std::string name;
  int64_t files = 0;
  int64_t items = 0;  // records, or images
};

struct CheckReport {
  std::vector<CheckedSet> sets;
  std::vector<FileFault> faults;  // in the order of the files
};

// Reads every record and decodes every picture, with progress. What counts as a fault: a set without any record; shards
// that are missing or of two numbers side by side; a wrong CRC, or a record cut short; what isn't a tf.Example, has no
// picture or no label, or lists where one value belongs; a picture that doesn't decode, or of another size than
// image/height and image/width say; a label below the base or beyond the classes; image/class/synset of another class
// than the label. Throws Error when the data can't be opened. `opened`, if given, is called when they could be.
CheckReport check_data(const CheckOptions& options, const std::function<void()>& opened = {});

}  // namespace netwright
