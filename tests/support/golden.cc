#include "support/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>

#include "engine/parameters.h"
#include "graph/count.h"
#include "graph/subgraph.h"
#include "models/choices.h"
#include "models/mobile_spec.h"
#include "models/resolve.h"

namespace netwright::golden {
namespace {

namespace fs = std::filesystem;

uint64_t word(uint64_t key, uint64_t index) {
  uint64_t x = key + (index + 1) * 0x9E3779B97F4A7C15ULL;
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

double to_symmetric(uint64_t bits) { return 2.0 * (static_cast<double>(bits >> 40) * 0x1p-24) - 1.0; }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// What a variable's state is compared with at least: a hundredth of the largest norm among those of its kind (weights,
// either slot, moving statistics). Some gradients are zero in theory, and their slots are rounding noise.
void take_tunas_noise(Case& golden_case) {
  const SafetensorsReader& tensors = *golden_case.tensors;
  const std::vector<float> norms = tensors.read_floats("noise/norm");
  const std::vector<float> dots = tensors.read_floats("noise/dot");
  const auto names = golden_case.json["train_variables"].get<std::vector<std::string>>();
  const auto norm_of = [&](const std::string& name) { return tensors.read_doubles("train/norm/" + name)[0]; };
  const auto kind_of = [](const std::string& name) {
    const std::string last = name.substr(name.rfind('/') + 1);
    return last.starts_with("RMSProp") ? last : last.starts_with("moving") ? "moving" : "weights";
  };
  std::map<std::string, double> largest;
  for (const std::string& name : names) {
    double& kind = largest[kind_of(name)];
    kind = std::max(kind, norm_of(name));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const double least = 0.01 * largest[kind_of(names[i])];
    const double unit = std::max(norm_of(names[i]), least);
    golden_case.json["least_unit"]["train/" + names[i]] = least;
    golden_case.json["noise_by_tensor"]["train/" + names[i]] = {norms.at(i) / unit, dots.at(i) / unit};
  }
}

// TuNAS's cases say the space, the indices ("" for the only member) and one noise a variable, absolute.
void take_tunas_form(Case& golden_case) {
  nlohmann::json& json = golden_case.json;
  const auto space = json["ssd"].get<std::string>();
  auto indices = json["indices"].get<std::string>();
  if (indices.empty()) {
    indices = print_indices(std::vector<int64_t>(decisions(space_of(space).build()).size(), 0));
  }
  json["model"] = space + ":" + indices;
  json["overrides"]["filters_multiplier"] = json["filters_multiplier"];
  json["endpoint_shapes"] = json["endpoints"];
  json.erase("endpoints");
  if (json["train_steps"].get<int>() > 0) take_tunas_noise(golden_case);
}

}  // namespace

namespace {

// Another folder may hold other cases of only some kinds.
bool is_another() { return std::getenv("NETWRIGHT_GOLDEN") != nullptr; }

}  // namespace

std::optional<std::string> folder() {
  const std::string path =
      is_another() ? std::getenv("NETWRIGHT_GOLDEN") : std::string(NETWRIGHT_SOURCE_DIR) + "/../shared/golden";
  if (!fs::is_directory(path)) return std::nullopt;
  return path;
}

size_t at_least(size_t count) { return is_another() ? 1 : count; }

std::string path_of(std::string_view name) {
  const std::optional<std::string> root = folder();
  if (!root) return "";
  const fs::path path = fs::path(*root) / name;
  if (fs::exists(path)) return path;
  if (is_another()) return "";
  throw std::runtime_error("the golden folder lacks " + path.string());
}

nlohmann::json json_of(std::string_view name) {
  const std::string path = path_of(name);
  return path.empty() ? nlohmann::json() : nlohmann::json::parse(std::ifstream(path));
}

double symmetric(std::string_view name, uint64_t index) { return to_symmetric(word(name_key(name), index)); }

std::vector<float> affine(std::string_view name, int64_t count, double a, double b) {
  std::vector<float> values(static_cast<size_t>(count));
  const uint64_t key = name_key(name);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(a + b * to_symmetric(word(key, i)));
  return values;
}

std::vector<int32_t> labels(int64_t count, int64_t classes) {
  std::vector<int32_t> values(static_cast<size_t>(count));
  const uint64_t key = name_key("input/labels");
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int32_t>(word(key, i) % static_cast<uint64_t>(classes));
  return values;
}

std::vector<float> filled(const Parameter& parameter, std::optional<int64_t> fan_in) {
  const std::string_view name = parameter.name;
  const std::string_view last = name.substr(name.rfind('/') + 1);
  const Shape& shape = parameter.shape;
  const int64_t count = element_count(shape);
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (last.starts_with("gamma") || last.starts_with("scale_")) return affine(name, count, 1.0, 0.25);
  if (last.starts_with("beta")) return affine(name, count, 0.0, 0.25);
  if (last.starts_with("bias")) return affine(name, count, 0.0, 0.1);
  if (fan_in) return affine(name, count, 0.0, std::sqrt(6.0 / static_cast<double>(*fan_in)));
  if (shape.size() == 4) {
    const bool depthwise = contains(last, "depthwise") || (contains(lower, "depthwise") && shape[3] == 1);
    const int64_t taps = shape[0] * shape[1];
    return affine(name, count, 0.0, std::sqrt(6.0 / static_cast<double>(depthwise ? taps : taps * shape[2])));
  }
  if (shape.size() == 2) return affine(name, count, 0.0, std::sqrt(3.0 / static_cast<double>(shape[0])));
  throw std::runtime_error(fmt::format("no fill for {} {}", name, to_string(shape)));
}

std::optional<int64_t> expert_fan_in(const Graph& graph, int parameter) {
  for (const Node& node : graph.nodes()) {
    const auto* mix = std::get_if<MixExperts>(&node.op);
    if (mix == nullptr || mix->experts.id != parameter) continue;
    const Shape& kernel = mix->kernel_shape;
    const bool depthwise = contains(graph.parameter(parameter).name, "depthwise");
    return kernel[0] * kernel[1] * (depthwise ? 1 : kernel[2]);
  }
  return std::nullopt;
}

double Case::tolerance(const std::string& group, const std::string& tensor, bool dot, double floor) const {
  double noise = 0.0;
  const auto by_tensor = json.find("noise_by_tensor");
  const auto trained = json.find("noise_train");
  const std::string name = tensor.starts_with("train/") ? tensor.substr(6) : "";
  if (by_tensor != json.end() && by_tensor->contains(tensor) && (*by_tensor)[tensor].size() == 2) {
    noise = (*by_tensor)[tensor][dot ? 1 : 0].get<double>();
  } else if (trained != json.end() && trained->contains(name)) {
    noise = (*trained)[name][dot ? 1 : 0].get<double>();
  } else if (json.contains("noise") && json["noise"].contains(group)) {
    noise = json["noise"][group].get<double>();
  }
  return std::max(10.0 * noise, floor);
}

double Case::operation_noise(const std::string& tensor) const {
  const auto trained = json.find("noise_train");
  if (trained == json.end()) return 0.0;
  const std::string name = tensor.starts_with("train/") ? tensor.substr(6) : tensor;
  std::string scope = name;
  for (int part = 0; part < 3; ++part) scope = scope.substr(0, scope.rfind('/'));
  const std::string suffix = name.substr(name.rfind('/'));
  double largest = 0.0;
  for (const auto& [other, noise] : trained->items()) {
    if (!other.starts_with(scope + "/") || !other.ends_with(suffix)) continue;
    largest = std::max({largest, noise[0].get<double>(), noise[1].get<double>()});
  }
  return largest;
}

bool Case::is_unreliable(const std::string& tensor) const {
  const auto list = json.find("unreliable");
  return list != json.end() && list->contains(tensor);
}

// What find_model takes: the name itself, or the layer file beside the case: kitchen.prototxt of "kitchen",
// residual.prototxt of "residual-adam".
static std::string model_or_file(const std::string& folder, const std::string& name) {
  for (const std::string& stem : {name, name.substr(0, name.find('-'))}) {
    const std::string path = folder + "/" + stem + ".prototxt";
    if (fs::exists(path)) return path;
  }
  return name;
}

std::vector<Case> load_cases(const std::string& folder) {
  std::vector<Case> cases;
  if (!fs::is_directory(folder)) return cases;
  std::set<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") paths.insert(entry.path());
  }
  for (const fs::path& path : paths) {
    std::ifstream file(path);
    nlohmann::json json = nlohmann::json::parse(file);
    fs::path tensors = path;
    tensors.replace_extension(".safetensors");
    const bool is_tunas = json.is_object() && json.value("kind", "") == "standalone" && json.contains("ssd");
    const bool is_case = json.is_object() && (json.contains("model") || is_tunas) && json.contains("input_shape");
    if (!is_case || !fs::exists(tensors)) continue;
    if (!is_tunas) json["model"] = model_or_file(folder, json["model"]);
    cases.push_back({path.stem().string(), std::move(json), std::make_unique<SafetensorsReader>(tensors.string())});
    if (is_tunas) take_tunas_form(cases.back());
  }
  return cases;
}

std::map<std::string, std::string> flags_of(const nlohmann::json& json) {
  std::map<std::string, std::string> flags;
  if (!json.contains("flags")) return flags;
  for (const auto& item : json["flags"]) {
    const auto word = item.get<std::string>();
    const size_t equals = word.find('=');
    if (word.starts_with("--") && equals != std::string::npos) {
      flags[word.substr(2, equals - 2)] = word.substr(equals + 1);
    }
  }
  return flags;
}

namespace {

using Setter = std::function<void(ModelOptions&, const nlohmann::json&)>;

template <typename T>
Setter into(std::optional<T> ModelOptions::*option) {
  return [option](ModelOptions& options, const nlohmann::json& value) {
    if (!value.is_null()) options.*option = value.get<T>();
  };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> table = {
      {"width_coefficient", into(&ModelOptions::width_coefficient)},
      {"depth_coefficient", into(&ModelOptions::depth_coefficient)},
      {"batch_norm_momentum", into(&ModelOptions::batch_norm_momentum)},
      {"batch_norm_epsilon", into(&ModelOptions::batch_norm_epsilon)},
      {"depth_multiplier", into(&ModelOptions::depth_multiplier)},
      {"depth_divisor", into(&ModelOptions::depth_divisor)},
      {"min_depth", into(&ModelOptions::min_depth)},
      {"use_keras", into(&ModelOptions::use_keras)},
      {"filters_multiplier", into(&ModelOptions::filters_multiplier)},
      {"num_cells", into(&ModelOptions::num_cells)},
      {"reduction_size", into(&ModelOptions::reduction_size)},
      {"stem_reduction_size", into(&ModelOptions::stem_reduction_size)},
      {"use_aux_head", into(&ModelOptions::use_aux_head)},
      {"batch_norm_decay", into(&ModelOptions::batch_norm_momentum)},
  };
  return table;
}

// Flags of a command line that say nothing about the network, or what the input's shape says already.
bool is_of_training(const std::string& flag) {
  static const std::set<std::string> names = {"cell_name",
                                              "image_size",
                                              "num_label_classes",
                                              "lr",
                                              "use_tpu",
                                              "model_dir",
                                              "use_bp16",
                                              "train_batch_size",
                                              "eval_batch_size",
                                              "num_train_images",
                                              "num_epochs",
                                              "dense_dropout_keep_prob",
                                              "drop_connect_keep_prob",
                                              "drop_connect_version",
                                              "moving_average_decay",
                                              "weight_decay",
                                              "optimizer",
                                              "gradient_clipping_by_global_norm"};
  return names.contains(flag) || flag.starts_with("lr_");
}

}  // namespace

ModelOptions model_options(const nlohmann::json& json, std::vector<std::string>& not_understood) {
  ModelOptions options;
  options.classes = json["num_classes"].get<int64_t>();
  options.height = json["input_shape"][1].get<int64_t>();
  options.width = json["input_shape"][2].get<int64_t>();
  options.dropout_rate = 0.0;
  if (resolve_model(json["model"].get<std::string>()).family == "efficientnet") options.survival_probability = 0.0;
  if (const size_t place = json.value("original", std::string()).find("BN epsilon "); place != std::string::npos) {
    const std::string words = json.value("original", std::string()).substr(place);
    double epsilon = 0.0;
    double momentum = 0.0;
    if (std::sscanf(words.c_str(), "BN epsilon %lf momentum %lf", &epsilon, &momentum) == 2) {
      options.batch_norm_epsilon = epsilon;
      options.batch_norm_momentum = momentum;
    } else {
      not_understood.push_back(words);
    }
  }
  const nlohmann::json overrides = json.value("overrides", nlohmann::json::object());
  for (const auto& [key, value] : overrides.items()) {
    const auto setter = setters().find(key);
    if (setter != setters().end()) {
      setter->second(options, value);
    } else if (key != "optimizer" && key != "num_classes" && key != "dropout_rate" && key != "survival_prob") {
      not_understood.push_back(key);
    }
  }
  for (const auto& [flag, value] : flags_of(json)) {
    const auto setter = setters().find(flag);
    if (setter != setters().end()) {
      setter->second(options, nlohmann::json::parse(value));
    } else if (!is_of_training(flag)) {
      not_understood.push_back(flag);
    }
  }
  return options;
}

std::vector<std::string> variable_lists(const std::string& folder) {
  std::set<std::string> paths;
  for (const bool below : {false, true}) {
    const fs::path place = below ? fs::path(folder) / "variables" : fs::path(folder);
    if (!fs::is_directory(place)) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(place)) {
      const fs::path& path = entry.path();
      const bool listed = below || path.filename().string().starts_with("variables_");
      if (path.extension() == ".json" && listed) paths.insert(path.string());
    }
  }
  return {paths.begin(), paths.end()};
}

std::vector<std::string> compare_counts(const nlohmann::json& json, const Graph& graph) {
  std::vector<std::string> differences;
  const auto compare = [&](const char* pointer, int64_t found) {
    const nlohmann::json::json_pointer place(pointer);
    if (!json.contains(place) || json[place].get<int64_t>() == found) return;
    differences.push_back(fmt::format("{}: expected {}, found {}", pointer, json[place].get<int64_t>(), found));
  };
  const Cost cost = count(graph);
  for (const char* place : {"/trainable_parameters", "/counts/trainable"}) compare(place, cost.parameters);
  for (const char* place : {"/moving_statistics", "/counts/moving", "/counts/not_trainable"}) {
    compare(place, cost.moving);
  }
  compare("/macs/total", cost.multiply_adds);
  compare("/counts/trainable_without_aux", count(inference_graph(graph)).parameters);
  int64_t decayed = 0;
  for (const Parameter& parameter : graph.parameters()) {
    if (parameter.l2 > 0.0) decayed += element_count(parameter.shape);
  }
  compare("/counts/l2", decayed);
  return differences;
}

static std::vector<std::string> differing_lines(std::string_view what, const std::vector<std::string>& wanted,
                                                const std::vector<std::string>& found) {
  std::vector<std::string> differences;
  for (size_t i = 0; i < std::max(wanted.size(), found.size()) && differences.size() < 10; ++i) {
    const std::string want = i < wanted.size() ? wanted[i] : "nothing";
    const std::string have = i < found.size() ? found[i] : "nothing";
    if (want != have) differences.push_back(fmt::format("{} {}: expected {}, found {}", what, i, want, have));
  }
  return differences;
}

std::vector<std::string> compare_variables(const nlohmann::json& variables, const Graph& graph) {
  bool lists_strength = false;
  bool lists_decay = false;  // variables say whether they have an L2 term
  std::vector<std::string> wanted;
  for (const auto& variable : variables) {
    const bool tells_decay = variable.contains("l2") && variable["l2"].is_boolean();
    lists_decay = lists_decay || tells_decay;
    const bool tells_strength = variable.contains("l2") && !tells_decay;
    lists_strength = lists_strength || tells_strength;
    const double strength = tells_strength && variable["l2"].is_number() ? variable["l2"].get<double>() : 0.0;
    wanted.push_back(fmt::format("{} {} {}{}", variable["name"].get<std::string>(),
                                 to_string(variable["shape"].get<Shape>()),
                                 variable["trainable"].get<bool>() ? "trainable" : "moving",
                                 tells_decay && variable["l2"].get<bool>() ? ", decayed" : ""));
    if (tells_strength) wanted.back() += fmt::format(" {:.5g}", strength);
  }
  std::vector<std::string> found;
  for (const Parameter& parameter : graph.parameters()) {
    found.push_back(fmt::format("{} {} {}{}", parameter.name, to_string(parameter.shape),
                                parameter.trainable() ? "trainable" : "moving",
                                lists_decay && parameter.l2 > 0.0 ? ", decayed" : ""));
    if (lists_strength) found.back() += fmt::format(" {:.5g}", parameter.l2 * 4e-5);  // in units of 4e-5
  }
  return differing_lines("variable", wanted, found);
}

std::vector<std::string> compare_layers(const nlohmann::json& layers, const Graph& graph) {
  static const std::set<std::string> without_value = {"Input",   "SoftmaxLoss", "Accuracy",
                                                      "TopkAcc", "Output",      "OutputWithSoftmax"};
  std::vector<std::string> wanted;
  for (const auto& layer : layers) {
    if (without_value.contains(layer["kind"].get<std::string>())) continue;
    auto shape = layer["output"].get<Shape>();
    shape.erase(shape.begin());  // the batch
    wanted.push_back(fmt::format("{} {}", layer["name"].get<std::string>(), to_string(shape)));
  }
  std::vector<std::string> found;
  for (const NamedNode& endpoint : graph.endpoints()) {
    found.push_back(fmt::format("{} {}", endpoint.name, to_string(graph.node(endpoint.node).shape)));
  }
  return differing_lines("layer", wanted, found);
}

std::vector<std::string> other_files(const std::string& folder) {
  std::set<std::string> used;
  for (const Case& golden_case : load_cases(folder)) used.insert(golden_case.name);
  for (const std::string& path : variable_lists(folder)) used.insert(fs::path(path).stem().string());
  std::set<std::string> others;
  if (fs::is_directory(folder)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const fs::path& path = entry.path();
      if (path.extension() == ".json" && !used.contains(path.stem().string())) others.insert(path.filename().string());
    }
  }
  return {others.begin(), others.end()};
}

}  // namespace netwright::golden
