#include "support/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "engine/parameters.h"

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

}  // namespace

std::optional<std::string> folder() {
  const char* given = std::getenv("NETWRIGHT_GOLDEN");
  const std::string path = given != nullptr ? given : std::string(NETWRIGHT_SOURCE_DIR) + "/../shared/golden";
  if (!fs::is_directory(path)) return std::nullopt;
  return path;
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
  if (by_tensor != json.end() && by_tensor->contains(tensor) && (*by_tensor)[tensor].size() == 2) {
    noise = (*by_tensor)[tensor][dot ? 1 : 0].get<double>();
  } else if (json.contains("noise") && json["noise"].contains(group)) {
    noise = json["noise"][group].get<double>();
  }
  return std::max(10.0 * noise, floor);
}

bool Case::is_unreliable(const std::string& tensor) const {
  const auto list = json.find("unreliable");
  return list != json.end() && list->contains(tensor);
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
    if (!json.is_object() || !json.contains("model") || !json.contains("input_shape") || !fs::exists(tensors)) continue;
    cases.push_back({path.stem().string(), std::move(json), std::make_unique<SafetensorsReader>(tensors.string())});
  }
  return cases;
}

ModelOptions model_options(const nlohmann::json& json, std::vector<std::string>& not_understood) {
  ModelOptions options;
  options.classes = json["num_classes"].get<int64_t>();
  options.height = json["input_shape"][1].get<int64_t>();
  options.width = json["input_shape"][2].get<int64_t>();
  options.dropout_rate = 0.0;
  if (find_model(json["model"].get<std::string>()).family == "efficientnet") options.survival_probability = 0.0;
  if (!json.contains("overrides")) return options;
  for (const auto& [key, value] : json["overrides"].items()) {
    if (key == "width_coefficient") {
      options.width_coefficient = value.get<double>();
    } else if (key == "depth_coefficient") {
      options.depth_coefficient = value.get<double>();
    } else if (key == "batch_norm_momentum") {
      options.batch_norm_momentum = value.get<double>();
    } else if (key == "batch_norm_epsilon") {
      options.batch_norm_epsilon = value.get<double>();
    } else if (key == "depth_multiplier") {
      options.depth_multiplier = value.get<double>();
    } else if (key == "depth_divisor") {
      options.depth_divisor = value.get<double>();
    } else if (key == "min_depth") {
      options.min_depth = value.get<double>();
    } else if (key == "use_keras") {
      options.use_keras = value.get<bool>();
    } else if (key != "optimizer" && key != "num_classes" && key != "dropout_rate" && key != "survival_prob") {
      not_understood.push_back(key);
    }
  }
  return options;
}

std::vector<std::string> compare_variables(const nlohmann::json& variables, const Graph& graph) {
  std::vector<std::string> wanted;
  for (const auto& variable : variables) {
    wanted.push_back(fmt::format("{} {} {}", variable["name"].get<std::string>(),
                                 to_string(variable["shape"].get<Shape>()),
                                 variable["trainable"].get<bool>() ? "trainable" : "moving"));
  }
  std::vector<std::string> found;
  for (const Parameter& parameter : graph.parameters()) {
    found.push_back(fmt::format("{} {} {}", parameter.name, to_string(parameter.shape),
                                parameter.trainable() ? "trainable" : "moving"));
  }
  std::vector<std::string> differences;
  for (size_t i = 0; i < std::max(wanted.size(), found.size()) && differences.size() < 10; ++i) {
    const std::string want = i < wanted.size() ? wanted[i] : "nothing";
    const std::string have = i < found.size() ? found[i] : "nothing";
    if (want != have) differences.push_back(fmt::format("variable {}: expected {}, found {}", i, want, have));
  }
  return differences;
}

}  // namespace netwright::golden
