#include "train/run_info.h"

#include <algorithm>
#include <concepts>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "formats/crc32c.h"
#include "formats/json_text.h"
#include "models/options.h"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kProbes = 16;

std::string run_file(const std::string& model_dir) { return model_dir + "/run.json"; }

// A whole number; nlohmann's own conversion would cut off what doesn't fit.
template <std::integral T>
T whole(const Json& json, const char* key) {
  const Json& value = json.at(key);
  const bool fits = std::is_signed_v<T> ? !value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{INT64_MAX}
                                        : value.is_number_unsigned();
  if (!value.is_number_integer() || !fits) fail("{}: expected a whole number", key);
  return value.get<T>();
}

Json to_json(const ModelOptions& options) {
  Json json = Json::object();
  for_each_option([&](const char* name, auto option) {
    if (options.*option) json[name] = *(options.*option);
  });
  return json;
}

ModelOptions options_from(const Json& json) {
  ModelOptions options;
  for_each_option([&]<typename T>(const char* name, std::optional<T> ModelOptions::*option) {
    if (!json.contains(name)) return;
    if constexpr (std::is_same_v<T, int64_t>) {
      options.*option = whole<T>(json, name);
    } else {
      options.*option = json[name].get<T>();
    }
  });
  return options;
}

// 0.1F as 0.1, not as the double that it is.
Json shortest(const std::array<float, 3>& values) {
  Json list = Json::array();
  for (const float value : values) list.push_back(std::stod(fmt::format("{}", value)));
  return list;
}

Json to_json(const InputSpec& input) {
  return {{"height", input.height},        {"width", input.width},         {"resize", to_string(input.resize)},
          {"crop", to_string(input.crop)}, {"mean", shortest(input.mean)}, {"deviation", shortest(input.deviation)}};
}

InputSpec input_from(const Json& json) {
  InputSpec input;
  input.height = whole<int64_t>(json, "height");
  input.width = whole<int64_t>(json, "width");
  input.resize = parse_resize(json.at("resize").get<std::string>());
  input.crop = parse_centre_crop(json.at("crop").get<std::string>());
  input.mean = json.at("mean");
  input.deviation = json.at("deviation");
  return input;
}

Json to_json(const DataFingerprint& data) {
  return {{"data", data.data}, {"images", data.images}, {"label_base", data.label_base}, {"samples", data.samples}};
}

DataFingerprint data_from(const Json& json) {
  return {json.at("data"), whole<int64_t>(json, "images"), whole<int64_t>(json, "label_base"), json.at("samples")};
}

Json to_json(const std::vector<Setting>& settings) {
  Json list = Json::array();
  for (const Setting& s : settings) list.push_back({{"name", s.name}, {"value", s.value}, {"source", s.source}});
  return list;
}

Json to_json(const RunInfo& info) {
  Json json = {{"netwright", info.version},
               {"backend", info.backend},
               {"command", info.command},
               {"model", info.model},
               {"options", to_json(info.options)},
               {"input", to_json(info.input)},
               {"classes", info.classes},
               {"parameters", info.parameters},
               {"variables", info.variables},
               {"class_names", info.class_names},
               {"seed", info.seed},
               {"world_size", info.world_size},
               {"weight_decay", info.weight_decay},
               {"label_smoothing", info.label_smoothing}};
  if (info.train_data) json["train_data"] = to_json(*info.train_data);
  json["settings"] = to_json(info.settings);
  return json;
}

RunInfo info_from(const Json& json) {
  RunInfo info;
  info.version = json.at("netwright");
  info.backend = json.at("backend");
  info.command = json.at("command");
  info.model = json.at("model");
  info.options = options_from(json.at("options"));
  info.input = input_from(json.at("input"));
  info.classes = whole<int64_t>(json, "classes");
  info.parameters = whole<int64_t>(json, "parameters");
  info.variables = json.at("variables");
  info.class_names = json.at("class_names");
  info.seed = whole<uint64_t>(json, "seed");
  info.world_size = whole<int64_t>(json, "world_size");
  info.weight_decay = json.at("weight_decay");
  info.label_smoothing = json.at("label_smoothing");
  if (json.contains("train_data")) info.train_data = data_from(json["train_data"]);
  for (const Json& s : json.at("settings")) info.settings.push_back({s.at("name"), s.at("value"), s.at("source")});
  return info;
}

void refuse_other(const std::string& model_dir, std::string_view what, const std::string& old, const std::string& now) {
  if (old != now) {
    fail("{} holds a run with {} {}, not {}; take another --model_dir to begin a new one", model_dir, what, old, now);
  }
}

// A setting as `recipe` lists it; empty when it isn't there.
std::string setting(const RunInfo& info, std::string_view name) {
  for (const Setting& s : info.settings) {
    if (s.name == name) return s.value;
  }
  return {};
}

}  // namespace

DataFingerprint fingerprint(const ImageSource& source, const std::string& data) {
  DataFingerprint print{data, source.size(), source.label_base(), ""};
  Sample sample;
  uint32_t crc = 0;
  const int64_t probes = std::min(kProbes, source.size());
  for (int64_t i = 0; i < probes; ++i) {
    try {
      source.read(i * source.size() / probes, sample);
    } catch (const Error&) {
      continue;  // bad records are the pipeline's to count
    }
    const auto* pixels = reinterpret_cast<const char*>(sample.pixels.pixels());
    crc = crc32c_extend(crc, sample.decoded ? std::string_view(pixels, static_cast<size_t>(sample.pixels.bytes()))
                                            : std::string_view(sample.encoded));
    crc = crc32c_extend(crc, fmt::format("{}", sample.label));
  }
  print.samples = fmt::format("{:08x}", crc);
  return print;
}

std::string print_origin(const WeightsOrigin& origin) {
  return json_text(
      Json({{"model", origin.model}, {"options", to_json(origin.options)}, {"input", to_json(origin.input)}}));
}

WeightsOrigin parse_origin(const std::string& text, const std::string& path) {
  try {
    const Json json = Json::parse(text);
    return {json.at("model"), options_from(json.at("options")), input_from(json.at("input"))};
  } catch (const std::exception& error) {  // JSON's and ours
    fail("{}: its metadata {:?} tell no network: {}", path, kOriginKey, error.what());
  }
}

std::string hash_variables(const ParameterLayout& layout) {
  std::string list;
  for (const FlatTensor& tensor : layout.tensors()) list += tensor.name + " " + to_string(tensor.shape) + "\n";
  return fmt::format("{:016x}", name_key(list));
}

std::optional<RunInfo> read_run_info(const std::string& model_dir) {
  const std::string path = run_file(model_dir);
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    return info_from(Json::parse(read_file(path)));
  } catch (const nlohmann::json::exception& error) {
    fail("{}: is not a description of a run: {}", path, error.what());
  } catch (const Error& error) {
    fail("{}: is not a description of a run: {}", path, error.what());
  }
}

void write_run_info(const std::string& model_dir, const RunInfo& info) {
  write_file_atomically(run_file(model_dir), json_text(to_json(info), 2) + "\n");
}

void check_continues(const RunInfo& old, const RunInfo& now, const std::string& model_dir) {
  refuse_other(model_dir, "the model", old.model, kept_by_json(now.model));
  refuse_other(model_dir, "classes:", std::to_string(old.classes), std::to_string(now.classes));
  refuse_other(model_dir, "the model options", json_text(to_json(old.options)), json_text(to_json(now.options)));
  refuse_other(model_dir, "the variables", old.variables, now.variables);
  refuse_other(model_dir, "the optimizer", setting(old, "optimizer"), setting(now, "optimizer"));
  refuse_other(model_dir, "the seed", std::to_string(old.seed), std::to_string(now.seed));
  const bool same_images = old.train_data && now.train_data && old.train_data->images == now.train_data->images &&
                           old.train_data->samples == now.train_data->samples;
  if (!same_images) log_warning("{}: the run was begun on other data than it continues on", model_dir);
}

}  // namespace netwright
