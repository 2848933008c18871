// What is in a data set: the library's side of `netwright data inspect`.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/data_set.h"

namespace netwright {

struct InspectOptions {
  std::vector<std::string> data;  // as open_data_sets takes them
  int64_t sample = 10000;         // records looked into, evenly spread; 0: all
  int64_t pictures = 0;           // how many to keep for a sheet
  int threads = 1;
};

// Empty as long as min is above max.
template <typename T>
struct ValueRange {
  using Limits = std::numeric_limits<T>;
  T min = Limits::has_infinity ? Limits::infinity() : Limits::max();
  T max = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
};

// A feature over all records that were looked into.
struct FeatureSummary {
  Example::Kind kind = Example::Kind::kNothing;
  bool mixed_kinds = false;
  int64_t records = 0;         // that have it
  ValueRange<int64_t> values;  // how many a record has
  ValueRange<int64_t> whole;   // of integers: their values; of bytes: their lengths
  ValueRange<double> real;     // of floats, without NaN
  int64_t not_numbers = 0;     // how many floats are NaN
  std::string example;         // the first record's first value, when it is short and printable
};

struct Quartiles {
  int64_t min = 0;
  int64_t median = 0;
  int64_t max = 0;
};

struct PictureSummary {
  int64_t count = 0;
  Quartiles width;   // pixels
  Quartiles height;  // pixels
  Quartiles bytes;   // of the files; 0 when they are decoded already
  // "JPEG", "PNG, grey", ..., "raw pixels": how many.
  std::map<std::string, int64_t> encodings;
};

struct KeptPicture {
  Image image;  // RGB
  std::optional<int64_t> label;
};

struct SetSummary {
  std::string name;
  std::string kind;
  int64_t files = 0;
  int64_t bytes = 0;
  int64_t items = 0;
  int64_t looked_into = 0;
  std::string layout;  // "imagenet_to_gcs", ...; empty when it isn't known
  std::map<std::string, FeatureSummary> features;
  PictureSummary pictures;
  std::map<int64_t, int64_t> labels;     // as they are stored, and how many of each
  std::optional<int64_t> label_base;     // 0 or 1, by the smallest label; unknown otherwise
  std::vector<std::string> class_names;  // of labels.txt
  std::vector<FileFault> faults;         // the first ones
  int64_t fault_count = 0;
  std::vector<KeptPicture> kept;  // in the order of their labels
};

// Looks into the records; pictures are not decoded, but for those that are kept. Damage is reported, not thrown. Throws
// Error when the data can't be opened. `opened`, if given, is called when they could be.
std::vector<SetSummary> inspect_data(const InspectOptions& options, const std::function<void()>& opened = {});

}  // namespace netwright
