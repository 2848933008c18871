// run.json: what a run is, for those who continue, evaluate or repeat it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/source.h"
#include "engine/parameters.h"
#include "graph/input_spec.h"
#include "models/registry.h"
#include "train/recipe.h"

namespace netwright {

// Tells whether data are the same without reading all of them.
struct DataFingerprint {
  std::string data;  // what --data said
  int64_t images = 0;
  int64_t label_base = 0;
  std::string samples;  // CRC-32C of the bytes and labels of up to 16 images spread over the data

  bool operator==(const DataFingerprint&) const = default;
};

DataFingerprint fingerprint(const ImageSource& source, const std::string& data);

struct RunInfo {
  std::string version;  // of netwright
  std::string backend;
  std::vector<std::string> command;  // the words of the command line
  std::string model;
  ModelOptions options;
  InputSpec input;
  int64_t classes = 0;
  int64_t parameters = 0;
  std::string variables;  // hash of all names and shapes
  std::vector<std::string> class_names;
  uint64_t seed = 0;
  int64_t world_size = 1;
  double weight_decay = 0.0;  // these two are part of the loss that evaluation reports
  double label_smoothing = 0.0;
  std::optional<DataFingerprint> train_data;
  std::vector<Setting> settings;
};

// What travels with weights in a file's metadata: the network and what it expects of its images.
struct WeightsOrigin {
  std::string model;
  ModelOptions options;
  InputSpec input;
};
inline constexpr std::string_view kOriginKey = "netwright";
std::string print_origin(const WeightsOrigin& origin);
// Throws Error that begins with `path`.
WeightsOrigin parse_origin(const std::string& text, const std::string& path);

// Hash of the names and shapes of all variables, in their order.
std::string hash_variables(const ParameterLayout& layout);

// MODEL_DIR/run.json. Nothing when there is none; Error when it can't be understood.
std::optional<RunInfo> read_run_info(const std::string& model_dir);
void write_run_info(const std::string& model_dir, const RunInfo& info);

// Throws Error when a run with these settings can't continue `old`: another network, number of classes, optimizer or
// seed. Warns of other data.
void check_continues(const RunInfo& old, const RunInfo& now, const std::string& model_dir);

}  // namespace netwright
